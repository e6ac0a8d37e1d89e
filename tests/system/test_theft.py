# SPDX-License-Identifier: ISC
"""A thief has a client's store and its key: what was used up is in no page and in no frame of the log, also after
kill -9 and one more command. The plain cases are plays of hostile_theft.py."""
import shutil
import signal
import time

import pytest

import sottotest
from hostile import Stage, shown
from hostile_theft import Thief, everything_in, turns
from sottotest import Client, end

needs_strace = pytest.mark.skipif(shutil.which("strace") is None or sottotest.REDUCED,
                                  reason="SKIPPED: strace is not there, or sanitizers do not work under it")
MESSAGES = 12


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.close()


def test_the_search_finds_what_is_there(stage):
    ana, bob = stage.conversation()
    data, pages, _ = everything_in(ana)
    assert pages > 20 and b"from bob" in data and b"CREATE TABLE session" in data
    thief = Thief(ana)
    thief.learn()
    assert len(thief.known) > 60, "chain keys, root key and one-time keys"
    for what, key in thief.known:
        assert key[:16] in data, what


def test_the_log_is_empty_when_a_command_has_ended(stage):
    ana, bob = stage.conversation()
    for command in (("recv",), ("send", "bob", "hi"), ("users",), ("status",)):
        ana.run(*command)
        for path in ana.store_files():
            assert not path.name.endswith("-wal") or path.stat().st_size == 0, f"{command}: {path.stat().st_size} bytes of log"


def copy_of(stage, client, name):
    twin = Client(stage.folder, name)
    shutil.rmtree(twin.home)
    shutil.copytree(client.home, twin.home, ignore=shutil.ignore_patterns("owner.sock"))
    twin.name = client.name
    return twin


@needs_strace
@pytest.mark.parametrize("call, when", [("pwrite64", number) for number in (5, 13, 21, 34, 55)]
                         + [("fdatasync", number) for number in (2, 4)])
def test_kill_9_in_the_middle_and_one_more_command(stage, call, when):
    """Killed at a system call of the store while messages come in; then the profile, and a copy made of it, run one
    command each: no used key is left in either."""
    ana, bob = stage.conversation()
    thief = Thief(ana)
    thief.learn()
    texts = [f"message {number}" for number in range(MESSAGES)]
    for letter in stage.held(bob, ana, *texts):
        stage.fake.post(letter)
    ana.prefix = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                  f"inject={call}:signal=SIGKILL:when={when}"]
    ana.run("recv", "--json", expect=None)
    ana.prefix = []
    twin = copy_of(stage, ana, "twin")
    _, _, frames = everything_in(twin)
    assert frames > 0 or (call, when) != ("pwrite64", 34), "killed too early to leave anything in the log"
    stage.fake.forgets = False
    thief_of_twin = Thief(twin)
    thief_of_twin.known = set(thief.known)
    for one in (thief_of_twin, thief):
        shown(one.client)
        shown(one.client)
        assert one.look() >= 40


def test_kill_9_at_any_time(stage):
    """Killed after some milliseconds, again and again, while a conversation goes on."""
    ana, bob = stage.conversation()
    thief = Thief(ana)
    for number in range(sottotest.reduced(8, 3)):
        bob.send("ana", f"a {number}")
        bob.send("ana", f"b {number}")
        thief.learn()
        process = ana.start("recv", "--json")
        time.sleep(0.004 * (number + 1))
        end(process, signal.SIGKILL)
        ana.run("recv", "--json", expect=(0, 3))
        thief.look()
    assert turns(ana, bob, thief, 1) > 40
