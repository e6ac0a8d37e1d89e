# SPDX-License-Identifier: ISC
"""`sottod key rotate`: a planned change of the server's key, announced inside authenticated connections
(docs/PROTOCOL.md 1.12)."""
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest

import sottotest
import wire
from sottotest import Server, end, environment, program, run, start, wait_until, world
from wire import DONE, PING, Member

PRINTED = re.compile(r"(?:[0-9A-Z]{4}-){6}[0-9A-Z]{2}")
NEXT = re.compile(rf"({PRINTED.pattern}) from (\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


needs_strace = pytest.mark.skipif(shutil.which("strace") is None or sottotest.REDUCED,
                                  reason="SKIPPED: strace is not there, or sanitizers do not work under it")


def keys(text):
    """What `sottod key` printed: the key, and the next one with its time or None."""
    lines = text.splitlines()
    assert PRINTED.fullmatch(lines[0]) and len(lines) <= 2, text
    found = NEXT.fullmatch(lines[1]) if len(lines) == 2 else None
    assert len(lines) == 1 or found, text
    return lines[0], found.groups() if found else None


def printed(spki):
    """A whole SPKI hash as `sottod key` prints it."""
    text = wire.base32(spki[:17], 130)
    return "-".join(text[at:at + 4] for at in range(0, len(text), 4))


def shown(server):
    """The key that a new connection is shown, as `sottod key` prints it."""
    near, far = socket.socketpair()
    with far:
        process = start([program("tlspipe"), "connect", server.host, str(server.port)], stdin=far, stdout=far)
    with near:
        near.settimeout(30)
        spki = bytes.fromhex(wire.read_line(near)["spki"])
    process.wait(10)
    return printed(spki)


def comes_again(member):
    """A new connection of the member, to whatever key the server shows; what the WELCOME says."""
    if hasattr(member.server, "spki"):
        del member.server.spki
    return member.login()


def plan(server, at):
    """Plans a change; the old key and the new one."""
    old, following = keys(server.run("key", "rotate", "--at", at).out)
    return old, following[0]


def changed(server, new, seconds=15):
    wait_until(lambda: keys(server.run("key").out) == (new, None), seconds, 0.05, "the change of the key")


def test_a_planned_change_is_announced_made_in_time_and_old_connections_live_on(server, forge):
    before = Member(forge, server, "ana")
    assert not comes_again(before)["has_next_key"]
    said = server.run("key", "rotate", "--at", "6s")
    assert "will refuse the new key" in said.err
    old, (new, when) = keys(said.out)
    assert old == shown(server) != new
    welcome = comes_again(before)
    assert welcome["has_next_key"] and printed(welcome["next_key"]) == new
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(welcome["next_key_ms"] // 1000)) == when
    assert f"will change to {new} from {when}" in server.log()
    changed(server, new)
    assert time.time() * 1000 >= welcome["next_key_ms"]
    wait_until(lambda: shown(server) == new, 5, 0.1, "the new key on a new connection")
    assert server.log().count(f"the server key has changed: it is now {new}") == 1
    assert before.ask(PING)[0] == DONE, "a connection that stands is left alone"
    assert not comes_again(before)["has_next_key"]
    server.stop()
    server.start()
    assert shown(server) == new and keys(server.run("key").out) == (new, None)


def test_planning_twice_keeps_the_first_plan(server):
    first = server.run("key", "rotate")
    key, (new, when) = keys(first.out)
    ahead = time.mktime(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()
    assert abs(ahead - 30 * 86400) < 120 and first.err == ""
    again = server.run("key", "rotate", "--at", "9d")
    assert again.out == first.out and "planned already" in again.err
    server.stop()
    assert server.run("key", "rotate", "-q", "--at", "9d").out == first.out == server.run("key").out
    server.start()
    assert keys(server.run("key").out) == (key, (new, when))
    assert f"next key    {new} from {when}" in server.log()


def test_the_next_key_is_private_and_on_the_disk_before_it_is_said(server):
    server.run("key", "rotate")
    said = server.run("key").out
    server.kill()
    assert stat.S_IMODE(os.stat(server.data / "next.key").st_mode) == 0o600
    assert server.run("key").out == said
    server.start()
    assert server.run("key").out == said
    os.chmod(server.data / "next.key", 0o644)
    assert server.run("key", expect=9).code == "store_permissions"
    server.stop()
    assert run(server.command("serve", "--port", "0"), 9, env=environment(server.folder)).code == "store_permissions"


def test_planned_while_no_server_runs_and_due_before_one_starts(server, forge):
    member = Member(forge, server, "ana")
    server.stop()
    old, new = plan(server, "1s")
    assert keys(server.run("key").out)[0] == old
    time.sleep(1.2)
    assert keys(server.run("key").out)[0] == old, "the server makes the change, when it starts"
    server.start()
    assert shown(server) == new and keys(server.run("key").out) == (new, None)
    assert f"the server key has changed: it is now {new}" in server.log()
    assert not comes_again(member)["has_next_key"]
    assert not (server.data / "next.key").exists()


def test_planned_while_no_server_runs_is_announced_by_the_one_that_starts(server, forge):
    member = Member(forge, server, "ana")
    server.stop()
    _, new = plan(server, "20d")
    server.start()
    assert printed(comes_again(member)["next_key"]) == new


@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: nothing can be preloaded before them")
def test_the_month_passes(server, forge):
    member = Member(forge, server, "ana")
    old, (new, _) = keys(server.run("key", "rotate").out)
    server.stop()
    for days, key, announced in ((29, old, True), (31, new, False)):
        server.prefix = ["env", "LD_PRELOAD=" + program("later.so"), f"LATER_S={days * 86400}"]
        server.start()
        assert shown(server) == key
        assert comes_again(member)["has_next_key"] == announced
        server.stop()


def test_invites_name_the_key_of_their_day(server, forge):
    _, new = plan(server, "2s")
    old_link = server.invite()
    changed(server, new)
    wait_until(lambda: shown(server) == new, 5, 0.1, "the new key")
    link = server.invite()
    assert link.rsplit("/", 1)[1][:26] == new.replace("-", "") != old_link.rsplit("/", 1)[1][:26]


@pytest.mark.parametrize("round_", range(6))
def test_killed_around_the_change_it_starts_with_one_of_the_two_keys(server, forge, round_):
    member = Member(forge, server, "ana")
    old, new = plan(server, "1s")
    time.sleep(0.7 + 0.17 * round_)
    server.kill()
    server.start()
    key, following = keys(server.run("key").out)
    assert (key == old and following and following[0] == new) or (key == new and following is None)
    wait_until(lambda: shown(server) == new, 10, 0.1, "the change")
    assert comes_again(member)["name"] == "ana"


def wait_until_due(server):
    line = (server.data / "next.key").read_bytes().split(b"\n")[0]
    time.sleep(max(0.0, int(line.removeprefix(b"from ")) / 1000 + 0.01 - time.time()))


def killed_at(server, call, number, *command):
    """Runs sottod until its `number`-th system call of that name and kills it there, before the call is made. False
    when it came to its end, or to listen, without."""
    log = server.folder / f"killed-{call}-{number}.log"
    with open(log, "wb") as out:
        process = start(["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}",
                         "-e", f"inject={call}:error=EIO:signal=SIGKILL:when={number}", *server.command(*command)],
                        stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(server.folder))
    wait_until(lambda: process.poll() is not None or b"is listening on" in log.read_bytes(), 20, 0.01,
               "an end or a start")
    if process.poll() is None:
        assert end(process) == 0
    return process.returncode not in (0, 128 + signal.SIGTERM)


@needs_strace
@pytest.mark.parametrize("call", ["rename", "fsync", "write"])
def test_killed_while_a_change_is_planned(server, call):
    server.stop()
    key = keys(server.run("key").out)[0]
    number = 1
    while killed_at(server, call, number, "key", "rotate", "--at", "20d"):
        said = keys(server.run("key").out)
        assert said[0] == key
        server.start()
        assert keys(server.run("key").out) == said and shown(server) == key
        server.stop()
        if said[1]:
            os.unlink(server.data / "next.key")
        number += 1
        assert number < 40
    assert number > 1 and keys(server.run("key").out)[1]


@needs_strace
@pytest.mark.parametrize("call", ["rename", "fsync"])
def test_killed_while_the_change_is_made(server, call):
    server.stop()
    number = 1
    while True:
        old, new = plan(server, "1s")
        wait_until_due(server)
        killed = killed_at(server, call, number, "serve", "--port", "0", "--bind", "127.0.0.1")
        key, following = keys(server.run("key").out)
        assert (key == old and following[0] == new) or (key == new and following is None)
        server.start()
        assert shown(server) == new and keys(server.run("key").out) == (new, None)
        server.stop()
        if not killed:
            break
        number += 1
        assert number < 40
    assert number > 1


@pytest.mark.parametrize("at, words", [
    ("2020-01-01T00:00:00Z", "is over"), ("11000d", "is not a time"), ("2150-01-01T00:00:00Z", "ten years"),
    ("tomorrow", "is not a time"), ("7", "is not a time"), ("2027-02-29T00:00:00Z", "is not a time"),
    ("2027-01-31 03:00:00Z", "is not a time"), ("2027-01-31T03:00:00", "is not a time"),
    ("2027-01-31T03:00:00+24:00", "is not a time")])
def test_times_that_are_none(server, at, words):
    said = server.run("key", "rotate", "--at", at, expect=2)
    assert said.code == "usage" and words in said.err and said.out == ""
    assert keys(server.run("key").out)[1] is None


def test_a_time_with_a_zone(server):
    assert keys(server.run("key", "rotate", "--at", "2031-01-31T03:00:00+02:00").out)[1][1] == "2031-01-31T01:00:00Z"


def test_without_data_there_is_nothing_to_change(tmp_path):
    empty = Server(tmp_path)
    assert empty.run("key", "rotate", expect=9).code == "no_data"
    assert not empty.data.exists()


def test_a_broken_next_key_is_said(server):
    server.stop()
    plan(server, "20d")
    path = server.data / "next.key"
    whole = path.read_bytes()
    for broken in (b"", whole[:-40], whole.split(b"\n", 1)[1], b"from x\n" + whole.split(b"\n", 1)[1]):
        path.write_bytes(broken)
        assert server.run("key", expect=9).code == "store_broken"
        assert server.run("key", "rotate", expect=9).code == "store_broken"
    path.write_bytes(whole)
    server.start()


# --- with the real client --------------------------------------------------------------------------------------

def test_a_client_that_heard_of_the_next_key_goes_on_and_one_that_did_not_refuses(tmp_path):
    server, ana, bob, carol = world(tmp_path, "ana", "bob", "carol")
    _, new = plan(server, "5s")
    assert ana.send("bob", "before").code == "server_key_announced"
    assert ana.send("bob", "again").code is None, "it is said once"
    assert bob.texts() == ["before", "again"]
    changed(server, new)
    wait_until(lambda: shown(server) == new, 5, 0.1, "the new key")
    ana.send("bob", "after")
    assert bob.texts() == ["after"]
    assert ana.run("status", "--json").objects()[0]["server_key"] == new
    refused = carol.send("bob", "hi", expect=4)
    assert refused.code == "server_key_changed" and new in refused.err
    assert bob.texts() == []
