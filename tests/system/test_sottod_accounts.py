# SPDX-License-Identifier: ISC
"""What an administrator does to accounts and invites, beside a running server and without one; what those who are
meant see of it."""
import datetime
import fcntl
import json
import sqlite3

import sottotest
import wire
from sottotest import Client, Server, world
from test_errors import check


def shown(server, name):
    said, = server.run("user", "show", name, "--json").objects("user")
    return said


def invites(server):
    return server.run("invite", "list", "--json").objects("invite")


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def test_a_disabled_account_is_told_and_its_messages_wait(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    follower = bob.start("recv", "--wait=60s")
    sottotest.wait_until(lambda: server.run("stats", "--json").objects()[0]["clients"] == 1, what="bob connected")
    assert server.run("user", "disable", "BOB").out == ""
    out, err = follower.communicate(timeout=30)
    said = check(sottotest.Result(["recv"], follower.returncode, out.decode(), err.decode(), 0), "account_disabled")
    assert said.exit == 6 and "admin" in said.err
    check(bob.run("recv", expect=6), "account_disabled")
    assert json.loads(bob.send("ana", "hi", "--json", expect=6).err.splitlines()[-1])["code"] == "account_disabled"
    ana.send("bob", "while you were kept out")
    assert "bob" in ana.run("users").out
    account = shown(server, "bob")
    assert (account["state"], account["waiting"], account["last_seen"]) == ("disabled", 1, today())
    assert "disabled" in server.run("user", "list").out
    server.stop()
    assert server.run("user", "enable", "bob").out == ""
    server.start()
    assert bob.texts() == ["while you were kept out"]
    bob.send("ana", "back")
    assert ana.texts() == ["back"]


def test_it_can_be_disabled_without_a_server(tmp_path):
    server, ana = world(tmp_path, "ana")
    server.stop()
    server.run("user", "disable", "ana")
    server.start()
    check(ana.run("status", expect=6), "account_disabled")
    check(ana.run("join", server.invite(), "--no-input", expect=6), "account_disabled")
    server.run("user", "enable", "ana")
    ana.run("status")


def test_user_show(tmp_path, server):
    ana = Client(tmp_path, "ana")
    ana.join(server.invite("--admin"))
    said = server.run("user", "show", "ana").out
    lines = dict(line.split(None, 1) for line in said.replace("last seen", "last_seen").splitlines())
    assert lines["name"] == "ana" and lines["state"] == "active" and lines["admin"] == "yes"
    assert lines["last_seen"] == today() and lines["devices"] == "1" and lines["waiting"] == "0 messages, 0 bytes"
    server.stop()
    account = shown(server, "ana")
    assert lines["since"] == account["since"] and account["devices"] == 1
    for verb in ("show", "disable", "enable"):
        check(server.run("user", verb, "nobody", expect=7), "no_such_user")
        check(server.run("user", verb, "!", expect=2), "name_invalid")
        assert f"sottod user {verb} NAME" in check(server.run("user", verb, expect=2), "usage").err
        check(server.run("user", verb, "ana", "ana", expect=2), "usage")
        check(Server(tmp_path / "empty").run("user", verb, "ana", expect=9), "no_data")


def test_an_invite_is_taken_back(tmp_path, server):
    link, used = server.invite("--expires", "3d"), server.invite("--expires", "2d")
    Client(tmp_path, "ana").join(used)
    rows = invites(server)
    assert len({row["id"] for row in rows}) == len(rows)
    used_id, = (row["id"] for row in rows if row["state"] == "used")
    open_id = rows[-1]["id"]
    check(server.run("invite", "revoke", used_id, expect=7), "no_such_invite")
    assert server.run("invite", "revoke", f"{open_id[:4]}-{open_id[4:]}".lower()).out == ""
    assert check(server.run("invite", "revoke", open_id, expect=7), "no_such_invite").err.count(open_id) == 1
    assert open_id not in server.run("invite", "list").out and used_id in server.run("invite", "list").out
    check(Client(tmp_path, "bob").join(link, 8), "invite_unknown")
    check(server.run("invite", "revoke", "0000", expect=2), "usage")
    check(server.run("invite", "revoke", expect=2), "usage")
    left = server.invite()
    server.stop()
    server.run("invite", "revoke", next(row["id"] for row in invites(server) if row["state"] == "open"))
    check(server.run("invite", "revoke", open_id, expect=7), "no_such_invite")
    assert left and len(invites(server)) == len(rows) - 1


def test_whoever_leaves_keeps_the_name(tmp_path, forge, server):
    """Over the wire; what is deleted, and when it is answered."""
    bob, ana = wire.Member(forge, server, "bob"), wire.Member(forge, server, "ana")
    assert ana.ask(wire.SEND, wire.send("bob", wire.compact_junk()))[0] == wire.ACCEPTED
    number = bob.say(wire.LEAVE)
    bob.say(wire.PING)
    assert bob.stream.frames_to_the_end() == [(wire.DONE, number, b"")]
    with sqlite3.connect(f"file:{server.database()}?mode=ro", uri=True) as database:
        assert database.execute("SELECT count(*) FROM devices").fetchone() == (1,)
        sottotest.wait_until(lambda: database.execute("SELECT count(*) FROM runs").fetchone() == (0,))
    kind, body = ana.ask(wire.SEND, wire.send("bob", wire.compact_junk()))
    assert kind == wire.ERROR and wire.read_error(body)["code"] == "no_such_user"
    bob.stream = wire.connect(server)
    bob.request = 0
    kind, body = bob.ask(wire.LOGIN, bob.identity.login(bob.stream.exporter))
    assert kind == wire.ERROR and wire.read_error(body)["code"] == "login_refused"
    account = shown(server, "bob")
    assert (account["state"], account["devices"]) == ("left", 0) and "last_seen" not in account
    assert "  left" in server.run("user", "list").out
    check(server.run("user", "disable", "bob", expect=7), "no_such_user")
    link = server.invite()
    check(Client(tmp_path, "bob").join(link, 8), "name_taken")
    # The same account key: with an invite, as for a new account.
    bob.stream, bob.request = wire.connect(server), 0
    proof = bob.identity.login(bob.stream.exporter)
    assert bob.ask(wire.REGISTER, proof + b"\x01" + wire.token(link) + bob.identity.certificate)[0] == wire.WELCOME
    assert shown(server, "bob")["state"] == "active"
    assert bob.ask(wire.LEAVE)[0] == wire.DONE
    # The administrator frees the name.
    server.run("user", "remove", "bob", "--confirm", "bob")
    check(server.run("user", "show", "bob", expect=7), "no_such_user")
    Client(tmp_path, "bob").join(server.invite())


def test_lists_do_not_guess_at_data_of_another_version(tmp_path, server):
    """What a server of an earlier version serves is left to it; test_server_store.py has what none serves."""
    server.stop()
    with sqlite3.connect(server.database()) as database:
        version, = database.execute("PRAGMA user_version").fetchone()
        database.execute("UPDATE meta SET value = ? WHERE key = 'written_by'", (b"97.3.1",))
        database.execute(f"PRAGMA user_version = {version + 1}")
    lists = (("user", "list"), ("user", "show", "ana"), ("invite", "list"))
    for command in lists:
        assert "97.3.1" in check(server.run(*command, expect=9), "store_newer").err
    database.execute("PRAGMA user_version = 1")
    database.close()
    with open(server.data / "lock", "r+b") as lock:  # as a server has it
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in lists:
            assert "restart it" in check(server.run(*command, expect=9), "storage_failed").err
