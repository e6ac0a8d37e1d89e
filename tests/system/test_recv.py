# SPDX-License-Identifier: ISC
"""`sotto recv` for scripts: several readers, some senders alone, reading again, and a stream that goes on."""
import os
import re
import signal
import subprocess
import time

import pytest

import sottotest
from sottotest import Follower, reduced, start, world
from test_errors import check
from test_trust import another_bob

LONG = os.environ.get("SOTTO_LONG") == "1"


def place(client, cursor="recv"):
    """Where a cursor stands: up to which message of the store."""
    rows = client.store_sql(f"SELECT place FROM cursor WHERE name='{cursor}'")
    return int(rows[0][0]) if rows else 0


def unread(client):
    return client.run("status", "--json").objects("status")[0]["unread"]


# --- cursors -----------------------------------------------------------------------------------------------------

def test_readers_do_not_take_from_each_other_and_a_new_one_begins_now(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "one")
    assert bob.texts("--as", "pager") == ["one"], "it came after the cursor was made"
    assert bob.texts("--as", "late") == []
    ana.send("bob", "two")
    assert bob.texts("--as", "pager") == ["two"]
    assert bob.texts("--as", "recv") == ["one", "two"], "the default has a name too"
    assert bob.texts("--as", "late") == ["two"]
    for cursor in ("pager", "recv", "late"):
        assert bob.texts("--as", cursor) == []
    assert bob.texts() == [] and unread(bob) == 0

    bob.run("recv", "--as", "pager", "--forget")
    ana.send("bob", "three")
    assert bob.texts("--as", "late") == ["three"]
    assert bob.texts("--as", "pager") == [], "forgotten: it begins anew, now"
    assert bob.run("recv", "--as", "nobody", "--forget").out == ""
    check(bob.run("recv", "--as", "recv", "--forget", expect=2), "usage")
    names_and_bound(bob)


def names_and_bound(bob):
    for name in ("", ".hidden", "-as", "a/b", "a b", "x" * 65, "naïve"):
        assert "cursor" in check(bob.run("recv", f"--as={name}", expect=2), "usage").err
    bob.run("recv", "--as", "X" * 64)
    free = 64 - int(bob.store_sql("SELECT COUNT(*) FROM cursor")[0][0])
    bob.store_sql(f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<{free - 1})"
                  " INSERT INTO cursor(name, place, start, used) SELECT 'c' || i, 0, 0, 100 + i FROM n")
    said = check(bob.run("recv", "--as", "more", expect=1), "too_many_cursors")
    assert "sotto recv --as c0 --forget" in said.err
    bob.run("recv", "--as", "c0", "--forget")
    bob.run("recv", "--as", "more")


# --- some alone --------------------------------------------------------------------------------------------------

def test_from_leaves_the_rest_unread_for_that_reader(tmp_path):
    _, ana, bob, carol, dave = world(tmp_path, "ana", "bob", "carol", "dave")
    for number in range(2):
        for sender in (ana, carol, dave):
            sender.send("bob", f"{sender.name} {number}")
    assert bob.texts("--from", "carol,ANA", "-n", "3") == ["ana 0", "carol 0", "ana 1"]
    assert unread(bob) == 3
    assert bob.texts("--from", "carol") == ["carol 1"]
    ana.send("bob", "ana 2")
    assert bob.texts("--from", "carol") == []
    assert bob.texts("--from", "dave,carol", "-n", "1") == ["dave 0"]
    assert bob.texts() == ["dave 1", "ana 2"], "what was left out comes first, in its order"
    assert unread(bob) == 0
    config = bob.home / "config" / "sotto.conf"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text("[alias]\nops = dave, carol\n")
    for sender in (ana, dave, carol):
        sender.send("bob", f"{sender.name} again")
    assert bob.texts("--from", "ops") == ["dave again", "carol again"] and bob.texts() == ["ana again"]
    said = check(bob.run("recv", "--from", "ana,no one", expect=2), "name_invalid")
    assert "'no one'" in said.err
    check(bob.run("recv", "--from", ",".join(f"u{number}" for number in range(65)), expect=2), "usage")
    from_and_require_verified(ana, bob, carol)


def from_and_require_verified(ana, bob, carol):
    bob.run("verify", "carol", "--card", "-", stdin=carol.card())
    ana.send("bob", "from ana")
    carol.send("bob", "from carol")
    said = bob.run("recv", "--from", "ana", "--require-verified", "--json")
    assert said.objects("message") == [] and [one["from"] for one in said.objects("passed_over")] == ["ana"]
    said = bob.run("recv", "--from", "carol", "--require-verified", "--json")
    assert [one["text"] for one in said.objects("message")] == ["from carol"] and said.objects("passed_over") == []
    assert bob.texts() == ["from ana"]


# --- again -------------------------------------------------------------------------------------------------------

def test_since_reads_again_and_does_not_move_the_cursor(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ids = [ana.send_json("bob", "m0")["id"]]
    bob.recv()
    ids += [ana.send_json("bob", f"m{number}")["id"] for number in range(1, 4)]
    first = bob.recv("-n", "1")
    assert bob.texts("--since", ids[0].lower(), "-n", "1") == ["m1"], "what came after that message"
    assert place(bob) == 2
    assert bob.texts("--since", "1h", "--as", "again") == ["m0", "m1", "m2", "m3"]
    assert place(bob, "again") == 4, "a new cursor begins there"
    assert bob.texts("--since", ids[2]) == ["m3"], "what stands between is not asked for"
    assert unread(bob) == 1
    assert bob.texts("--since", first[0]["received"], "-n", "1") == ["m1"]
    assert bob.texts() == ["m2"], "and stays unread"
    assert bob.texts("--since", ids[3]) == [] and bob.texts("--since", "2999-01-01") == []
    for form in ("7d", "00:00", "2026-01-01", "2026-01-01 10:00", "2026-01-01T10:00:00+01:00"):
        assert bob.texts("--since", form) == ["m0", "m1", "m2", "m3"], form
    assert bob.texts() == []
    check(bob.run("recv", "--since", ids[0][:-1] + ("0" if ids[0][-1] != "0" else "4"), expect=7), "no_such_message")
    for form in ("yesterday", "2026-02-30", "25:00", ids[0][:9], ""):
        check(bob.run("recv", f"--since={form}", expect=2), "usage")


@pytest.mark.parametrize("args, word", [
    (["bob"], "no argument"), (["--", "x"], "no argument"), (["--follow", "--wait"], "do not go together"),
    (["--skip-failed"], "goes with --exec"), (["--forget"], "goes with --as"), (["--exec", "true", "x"], "after '--'")])
def test_what_makes_no_sense_is_said(tmp_path, args, word):
    client = sottotest.Client(tmp_path, "nobody")
    assert word in check(client.run("recv", *args, expect=2), "usage").err


# --- follow ------------------------------------------------------------------------------------------------------

def test_follow_prints_each_message_at_once_and_nothing_else(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "waited")
    follower = Follower(bob)
    assert follower.take(1) == ["waited"]
    for number in range(3):
        ana.send("bob", f"line {number}\nand more")
        assert follower.take(1) == [f"line {number}\nand more"]
    assert follower.end() == -signal.SIGTERM
    assert follower.errors == b"", "nobody at a terminal: nothing is said"
    ana.send("bob", "later")
    assert bob.texts() == ["later"]

    process = bob.start("recv", "--follow", "-n", "2")
    for number in range(3):
        ana.send("bob", f"m{number}")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out.decode().split()[1::3] == ["ana:", "ana:"], err
    assert bob.texts() == ["m2"]
    what_stdout_did_not_take_comes_again(ana, bob)


def what_stdout_did_not_take_comes_again(ana, bob):
    reader, writer = os.pipe()
    process = start(bob.command("recv", "--follow"), stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE,
                    env=bob.environment())
    os.close(writer)
    ana.send("bob", "taken")
    assert os.read(reader, 100).endswith(b"ana: taken\n")
    os.close(reader)
    ana.send("bob", "nobody reads")
    assert process.wait(30) == 141 and process.stderr.read() == b""
    with open("/dev/full", "wb") as full:
        process = start(bob.command("recv", "--follow"), stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                        env=bob.environment())
        assert process.wait(30) == 9 and b"comes again" in process.stderr.read()
    assert bob.texts() == ["nobody reads"]


def test_what_is_held_is_told_once_and_comes_when_it_is_verified(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    bob.send("ana", "the old key")
    assert ana.texts() == ["the old key"]
    new = another_bob(server, tmp_path)
    for number in range(3):
        new.send("ana", f"held {number}")
    said = ana.run("recv", "--as", "stream", "--json")
    assert said.objects("message") == [] and [one["from"] for one in said.objects("held")] == ["bob"], "once for the three"
    assert ana.texts() == []
    follower = Follower(ana, "--as", "stream")
    released = ana.run("verify", "bob", "--card", "-", "--json", stdin=new.card()).objects("verified")[0]
    assert released["released"] == 3
    assert follower.take(3) == [f"held {number}" for number in range(3)], "the stream goes on with them"
    follower.end()
    assert ana.texts() == [f"held {number}" for number in range(3)]


# --- who reads slowly ---------------------------------------------------------------------------------------------

def test_who_reads_slowly_does_not_blame_the_server(tmp_path):
    """A pager that takes nothing for longer than the server may be silent: all of the store comes, and exit 0."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    texts = [f"{number} " + "x" * 60_000 for number in range(3)]
    for text in texts:
        ana.send("bob", text)
    assert bob.texts() == texts
    process = bob.start("recv", "--since", "1h", "--timeout", "1s")
    time.sleep(1.4)  # more than a pipe holds is on its way
    assert process.poll() is None
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert re.findall(r"ana: (\d) x", out.decode()) == ["0", "1", "2"]


# --- killed at every step ----------------------------------------------------------------------------------------

def killed(client, call, when, *args):
    """Runs recv until its system call number `when` of that name, which it does not survive. Whether it came so far."""
    command = ["strace", "-o", os.devnull, "-e", "signal=none", "-e", f"inject=?{call}:signal=KILL:when={when}"]
    no_leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # that check is a tracer too
    process = start([*command, *client.command("recv", *args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env=client.environment(ASAN_OPTIONS=no_leaks))
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), (process.returncode, err)
    return process.returncode != 0, out.decode()


def test_follow_killed_at_every_write_prints_all_and_is_never_ahead(tmp_path):
    """The store's writes, and those to stdout and the server: what was printed is at least what the cursor says."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    texts = [f"text {number}" for number in range(3)]
    for text in texts:
        ana.send("bob", text)
    bob.run("recv", "--as", "fetch")
    steps = 0
    for call in ("pwrite64", "write"):
        for when in range(1, 200, 1 if LONG else reduced(4, 12)):
            cursor = f"{call}-{when}"
            bob.run("recv", "--as", cursor, "--since", "1h", "-n", "1")
            was_killed, out = killed(bob, call, when, "--follow", "--as", cursor, "-n", "2")
            printed = re.findall(r"ana: (.*)\n", out)
            assert printed == texts[1:1 + len(printed)], out
            moved = place(bob, cursor) - 1
            assert len(printed) - 1 <= moved <= len(printed), (call, when, moved, printed)
            if not was_killed:
                assert len(printed) == 2
                break
            steps += 1
            assert bob.texts("--as", cursor) == texts[1 + moved:]
            bob.run("recv", "--as", cursor, "--forget")
    assert steps >= reduced(3, 1)
