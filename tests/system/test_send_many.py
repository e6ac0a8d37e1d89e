# SPDX-License-Identifier: ISC
"""One command, one connection, several recipients: a team is told, and whoever was not is named."""
import json

import pytest

from sottotest import world


def errors(said):
    """The error objects on stderr, in their order."""
    return [json.loads(line) for line in said.err.splitlines() if line.startswith('{"v":')]


def logins(server):
    return json.loads(server.run("stats", "--json").out)["logins_total"]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return world(tmp_path_factory.mktemp("people"), "ana", "bob", "carol")


@pytest.fixture
def four(people):
    """The same people in every test; nothing waits for anybody."""
    server, _, bob, carol = people
    if not server.is_running():
        server.start()
    bob.recv()
    carol.recv()
    return people


def test_several_people_get_one_message_each_over_one_connection(four):
    server, ana, bob, carol = four
    before = logins(server)
    said = ana.run("send", "carol, BOB,carol", "disk full", "--json")
    assert logins(server) == before + 1
    sent = said.objects("sent")
    assert [one["to"] for one in sent] == ["carol", "bob"], "in the order typed, nobody twice"
    assert {one["state"] for one in sent} == {"accepted"} and len({one["id"] for one in sent}) == 2
    assert bob.texts() == ["disk full"] and carol.texts() == ["disk full"]

    # With a KEY each of them has it once; who is new to the list gets it now.
    assert [one["repeated"] for one in ana.run("send", "bob", "--id", "k", "again", "--json").objects()] == [False]
    said = ana.run("send", "bob,carol", "--id", "k", "again", "--json")
    assert [(one["to"], one["repeated"]) for one in said.objects()] == [("bob", True), ("carol", False)]
    assert bob.texts() == ["again"] and carol.texts() == ["again"]


def test_when_some_fail_each_of_them_is_named(four):
    _, ana, bob, carol = four
    said = ana.run("send", "bob,nobody,carol,nemo", "hello", expect=10)
    assert said.out == "" and said.codes == ["no_such_user", "no_such_user", "partial"]
    assert "'nobody'" in said.err and "2 of 4 recipients failed: nobody, nemo" in said.err
    assert "Nothing was sent to nobody." in said.err and "Nothing was sent to nemo." in said.err
    assert "Nothing was sent." not in said.err and "It worked for the others." in said.err
    assert bob.texts() == ["hello"] and carol.texts() == ["hello"]

    said = ana.run("send", "nobody,bob", "once more", "--json", expect=10)
    assert [one["to"] for one in said.objects("sent")] == ["bob"]
    told = errors(said)
    assert [(one["code"], one["exit"], one.get("to")) for one in told] == [
        ("no_such_user", 7, "nobody"), ("partial", 10, None)]
    assert bob.texts() == ["once more"]

    # A person who is not confirmed has failed too, although the message is on its way.
    waiting = bob.start("recv", "--wait")
    said = ana.run("send", "bob,carol", "--wait=delivered", "--timeout", "1s", "came?", "--json", expect=10)
    assert {one["to"]: one["state"] for one in said.objects("sent")} == {"bob": "delivered", "carol": "accepted"}
    assert [(one["code"], one.get("to")) for one in errors(said)] == [("not_confirmed", "carol"), ("partial", None)]
    assert waiting.wait(10) == 0


def test_when_all_fail_alike_that_is_the_error(four):
    server, ana, bob, _ = four
    said = ana.run("send", "nobody,nemo", "hello", expect=7)
    assert said.codes == ["no_such_user", "no_such_user"] and "nobody" in said.err and "nemo" in said.err
    server.stop()
    said = ana.run("send", "bob,carol", "hello", expect=5)
    assert said.codes == ["server_unreachable"], "what is the same for all is said once"
    assert "--queue WHO,..." in said.err
    said = ana.run("send", "bob,carol", "hello", "--json", expect=5)
    assert [one["to"] for one in errors(said)] == ["bob", "carol"], "a program gets an object for each"
    said = ana.run("send", "bob,carol", "later", "--queue", "--json")
    assert [(one["to"], one["state"]) for one in said.objects()] == [("bob", "queued"), ("carol", "queued")]
    server.start()
    ana.recv()
    assert bob.texts() == ["later"]


def test_a_wrong_list_sends_nothing_to_anybody(four):
    _, ana, bob, _ = four
    lists = {"bob,": "usage", ",bob": "usage", "bob,,carol": "usage", "": "name_invalid", "bob,b b": "name_invalid",
             "bob,ana": "self_recipient", ",".join(f"u{i}" for i in range(257)): "usage"}
    for who, code in lists.items():
        assert ana.run("send", who, "hello", expect=2).code == code
    assert bob.recv() == []


def test_a_message_with_a_life_says_so_to_both_stores(four):
    _, ana, bob, carol = four
    ana.run("send", "bob,carol", "--expire", "10m", "the code is 4711")
    assert [one["life_s"] for one in bob.recv()] == [600]
    assert "(kept 10 minutes)" in carol.run("recv").out
    assert ana.store_sql("SELECT kind, life, text FROM outgoing WHERE kind=8") == [
        (b"8", b"600", b"the code is 4711")] * 2
    for wrong in ("10", "0s", "ten", ""):
        assert ana.run("send", "bob", "--expire", wrong, "x", expect=2).code == "usage"
