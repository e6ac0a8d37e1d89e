# SPDX-License-Identifier: ISC
"""Reading back, from the store alone: in order, complete, and at the same price whatever the store's age."""
import shutil

import pytest

import sottotest
from sottotest import run, world


def seen(said):
    """Who, to whom, what, how far: of the message objects that a command printed."""
    return [(one["from"], one["to"][0], one.get("text"), one.get("state")) for one in said.objects("message")]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A conversation, most of it read: ana with bob and carol, six messages."""
    server, ana, bob, carol = world(tmp_path_factory.mktemp("people"), "ana", "bob", "carol")
    ana.send("bob", "one")
    assert bob.texts() == ["one"]
    bob.send("ana", "two")
    assert ana.texts() == ["two"]
    carol.send("ana", "three")
    assert ana.texts() == ["three"]
    ana.send("carol", "four")
    ana.run("send", "bob", "--queue", "five")
    carol.send("ana", "six\nin two lines")
    server.stop()
    return ana


def test_everything_in_order_with_what_became_of_it(people):
    whole = [("ana", "bob", "one", "delivered"), ("bob", "ana", "two", None), ("carol", "ana", "three", None),
             ("ana", "carol", "four", "accepted"), ("ana", "bob", "five", "queued")]
    assert seen(people.run("history", "--json")) == whole, "without a server; six has not been fetched"
    assert seen(people.run("history", "-n", "all", "--json")) == whole
    for count in range(1, 7):
        assert seen(people.run("history", "-n", str(count), "--json")) == whole[-count:]
    assert seen(people.run("history", "bob", "--json")) == [whole[0], whole[1], whole[4]]
    assert seen(people.run("history", "CAROL", "-n", "1", "--json")) == [whole[3]]
    assert people.run("history", "nobody").out == ""
    # A name comes from people: nothing that looks like one breaks out.
    assert people.run("history", "a b", expect=2).code == "name_invalid"


def test_from_a_time_to_a_time(people):
    times = [one.get("received", one["time"]) for one in people.run("history", "--json").objects()]
    assert [text for _, _, text, _ in seen(people.run("history", "--json", "--since", times[2]))] == ["three", "four", "five"]
    assert [text for _, _, text, _ in seen(people.run("history", "--json", "--until", times[2]))] == ["one", "two"]
    between = people.run("history", "--json", "--since", times[1], "--until", times[4], "-n", "2")
    assert [text for _, _, text, _ in seen(between)] == ["three", "four"]
    assert seen(people.run("history", "--json", "--since", "2999-01-01")) == []
    for option in ("--since", "--until"):
        assert people.run("history", option, "soon", expect=2).code == "usage"
    assert people.run("history", "-n", "0", expect=2).code == "usage"


def test_for_people(people):
    lines = people.run("history", TZ="UTC").out.splitlines()
    assert [line[6:] for line in lines] == ["you to bob (delivered): one", "bob: two", "carol: three",
                                            "you to carol (accepted): four", "you to bob (queued): five"]
    assert people.run("history", "bob", "-n", "1", "--plain").out.startswith("you to bob (queued): five. ")
    # Nothing was read by it, and recv had its turn already.
    assert people.run("status", "--json", expect=5).objects("status")[0]["unread"] == 0


def test_what_is_over_is_not_shown(people):
    people.store_sql("UPDATE outgoing SET kind=8, life=1, sent=sent-5000 WHERE text=CAST('one' AS BLOB)")
    people.store_sql("UPDATE incoming SET kind=8, life=1, received=received-5000 WHERE text=CAST('two' AS BLOB)")
    said = people.run("history", "bob", "--json").objects("message")
    assert [(one.get("erased"), one.get("text")) for one in said] == [(True, None), (True, None), (None, "five")]
    assert [line[6:] for line in people.run("history", "bob").out.splitlines()][:2] == [
        "you to bob (delivered): (erased)", "bob: (erased)"]


MANY = sottotest.reduced(10000, 8000)


def reads(client, folder, *args):
    """How many pages of its store a command reads."""
    log = folder / "trace"
    run(["strace", "-f", "-o", str(log), "-e", "trace=pread64", *client.command(*args)],
        env=client.environment(ASAN_OPTIONS="detect_leaks=0"))
    return len(log.read_text("utf-8", "replace").splitlines())


@pytest.mark.skipif(shutil.which("strace") is None, reason="SKIPPED: strace is not there")
def test_the_last_messages_do_not_cost_what_lies_before_them(people, tmp_path):
    """A store with thousands of messages is read in the same few places as a small one."""
    commands = [("history", "-n", "3"), ("history", "bob", "-n", "3"), ("history", "-n", "3", "--since", "1h"),
                ("history", "carol", "-n", "3")]
    before = [reads(people, tmp_path, *command) for command in commands]
    people.store_sql(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{MANY}) "
        "INSERT INTO outgoing(peer,msg_id,key,sent,state,patient,number,text,kind,accepted,delivered,turn) "
        "SELECT 'bob', randomblob(16), 'old' || i, i, 2, 0, 0, CAST('old' AS BLOB), 1, i, i, i FROM n")
    people.store_sql("UPDATE incoming SET place=place+1000000")
    people.store_sql("UPDATE cursor SET place=place+1000000")
    people.store_sql(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{MANY}) "
        "INSERT INTO incoming(peer,afp,msg_id,kind,sent,received,sid,chain,number,held,confirmed,place,text) "
        "SELECT 'bob', zeroblob(32), randomblob(16), 1, i, i, zeroblob(16), zeroblob(16), i, 0, 1, i, CAST('old' AS BLOB)"
        " FROM n")
    after = [reads(people, tmp_path, *command) for command in commands]
    assert all(late <= early + 15 for early, late in zip(before, after)), (before, after)
    whole = people.run("history", "bob", "-n", "all", "--json").out.splitlines()
    assert len(whole) == 2 * MANY + 3
