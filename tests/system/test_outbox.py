# SPDX-License-Identifier: ISC
"""What waits to be sent can be seen and taken back; the number of unread messages is there for a prompt."""
import pytest

from sottotest import Client, world


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return world(tmp_path_factory.mktemp("people"), "ana", "bob")


def waiting(client):
    return {one["text"]: one for one in client.run("outbox", "list", "--json").objects("message")}


def test_what_is_dropped_is_not_sent(people):
    server, ana, bob = people
    ana.send("bob", "first")
    assert ana.run("outbox").out == "" and bob.texts() == ["first"]
    for text, key in (("kept", "a"), ("dropped", "b"), ("last\nline", "c")):
        ana.run("send", "bob", "--queue", "--id", key, text)
    found = waiting(ana)
    assert list(found) == ["kept", "dropped", "last\nline"] and {one["state"] for one in found.values()} == {"queued"}
    lines = ana.run("outbox").out.splitlines()
    assert lines[0].startswith(found["kept"]["id"] + "  ") and lines[0].endswith(" you to bob (queued): kept")
    assert lines[3] == "  line", "no message can show a line that looks like another one's"

    said = ana.run("outbox", "drop", found["dropped"]["id"].lower(), "--json").objects("dropped")
    assert said == [{"v": 1, "type": "dropped", "id": found["dropped"]["id"], "to": "bob", "may_arrive": False}]
    assert list(waiting(ana)) == ["kept", "last\nline"]
    assert ana.run("outbox", "drop", found["dropped"]["id"], expect=7).code == "no_such_message"
    for wrong in ("x", "0" * 26, found["kept"]["id"][:-1]):
        assert ana.run("outbox", "drop", wrong, expect=7).code == "no_such_message"
    # Its KEY is free again, and what was dropped is no part of the past.
    assert ana.send_json("bob", "new words", "--id", "b")["repeated"] is False
    assert bob.texts() == ["kept", "last\nline", "new words"]
    assert "dropped" not in [one.get("text") for one in ana.run("history", "--json").objects()]
    assert ana.run("outbox").out == ""


def test_what_was_offered_may_arrive_and_the_next_one_does(people):
    """The number in the chain is given up: the messages behind it arrive, and nobody waits for it."""
    server, ana, bob = people
    server.stop()
    ana.run("send", "bob", "--queue", "never sealed")
    dropped, = waiting(ana).values()
    # As a connection that broke leaves it: sealed, and nobody knows whether the server has it.
    server.start()
    ana.recv()
    assert bob.texts() == ["never sealed"]
    ana.store_sql("UPDATE outgoing SET state=1, accepted=0, delivered=0, envelope=x'00' WHERE text=CAST('never sealed' AS BLOB)")
    server.stop()
    said, = ana.run("outbox", "drop", dropped["id"], "--json").objects("dropped")
    assert said["may_arrive"] is True
    assert ana.store_sql("SELECT COUNT(*) FROM given_up") == [(b"1",)]
    server.start()
    ana.send("bob", "after it")
    assert bob.texts() == ["after it"]
    assert ana.store_sql("SELECT COUNT(*) FROM given_up") == [(b"0",)], "bob was told"


def test_wrong_words(people):
    ana = people[1]
    for args, words in ((["sned"], "does not know 'sned'"), (["drop"], "needs ID"), (["list", "x"], "too many"),
                        (["drop", "a", "b"], "too many")):
        said = ana.run("outbox", *args, expect=2)
        assert said.code == "usage" and words in said.err


def test_the_number_for_a_prompt(people, tmp_path):
    server, ana, bob = people
    if not server.is_running():
        server.start()
    bob.recv()
    assert bob.run("status", "--unread").out == "0\n"
    ana.run("send", "bob", "one")
    ana.run("send", "bob", "two")
    bob.run("recv", "--as", "bell")
    server.stop()
    assert bob.run("status", "--unread").out == "2\n", "from the store alone"
    assert bob.run("status", "--unread", "--json").objects() == [{"v": 1, "type": "unread", "unread": 2}]
    assert Client(tmp_path, "nobody").run("status", "--unread", expect=6).code == "no_account"
