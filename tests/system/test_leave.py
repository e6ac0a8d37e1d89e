# SPDX-License-Identifier: ISC
"""Leaving: gone from the server first, then from this device; nothing is erased before the server has answered."""
import subprocess

import sottotest
from sottotest import Client, world


def test_whoever_leaves_is_gone_on_both_sides(tmp_path):
    server, ana, bob, carol = world(tmp_path, "ana", "bob", "carol")
    ana.send("bob", "for you")
    ana.run("send", "carol", "and you")

    for args, code in ((["--no-input"], "input_required"), (["--confirm", "bob"], "usage"), (["--confirm", ""], "usage")):
        assert ana.run("leave", *args, expect=2).code == code
    assert "ana" in server.run("user", "list").out

    said, = ana.run("leave", "--confirm", "ANA", "--json").objects("left")
    assert said == {"v": 1, "type": "left", "name": "ana", "server": server.address, "was_gone": False, "erased": True}
    assert ana.store_files() == [], "not a file of the profile is left"
    assert ana.run("recv", expect=6).code == "no_account"
    assert bob.run("send", "ana", "hello?", expect=7).code == "no_such_user"
    assert bob.texts() == ["for you"], "what was sent before arrives"

    # The name stays that of the key; the profile can be used anew.
    other = Client(tmp_path, "other")
    assert other.run("join", server.invite(), "--name", "ana", "--no-input", expect=8).code == "name_taken"
    ana.run("join", server.invite(), "--name", "ana2", "--no-input")
    ana.send("bob", "it is me")
    assert bob.texts() == ["it is me"]

    # The history of carol stays with her when she keeps it.
    assert carol.texts() == ["and you"]
    said, = carol.run("leave", "--confirm", "carol", "--keep-data", "--json").objects("left")
    assert said["erased"] is False
    assert [one["text"] for one in carol.run("history", "--json").objects()] == ["and you"]
    assert carol.run("recv", expect=6).code == "login_refused"
    said, = carol.run("leave", "--confirm", "carol", "--json").objects("left")
    assert said["was_gone"] is True and said["erased"] is True and carol.store_files() == []


def test_an_account_that_was_not_left_is_not_erased(tmp_path):
    """A refused login can mean a profile that was put back, too: its keys may be those of an account that lives on."""
    server, ana = world(tmp_path, "ana")
    server.run("user", "remove", "ana", "--confirm", "ana")
    files = set(ana.store_files())
    said = ana.run("leave", "--confirm", "ana", expect=6)
    assert said.code == "login_refused" and str(min(files).parent) in said.err
    assert files <= set(ana.store_files())


def test_without_an_answer_nothing_is_erased(tmp_path):
    server, ana = world(tmp_path, "ana")
    files = ana.store_files()
    server.stop()
    said = ana.run("leave", "--confirm", "ana", expect=5)
    assert said.code == "server_unreachable" and str(files[0].parent) in said.err
    assert "Nothing was changed." in said.err and set(files) <= set(ana.store_files())

    # Another process that has the profile lends it, and learns that it is gone.
    server.start()
    follower = sottotest.start(ana.command("recv", "--follow"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=ana.environment())
    sottotest.wait_until(lambda: '"clients":1' in server.run("stats", "--json").out.replace(" ", ""), what="ana's login")
    said, = ana.run("leave", "--confirm", "ana", "--json").objects("left")
    assert said["erased"] is True
    assert follower.wait(20) == 6 and ana.store_files() == []
