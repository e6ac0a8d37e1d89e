# SPDX-License-Identifier: ISC
"""A flood of junk costs its victim next to nothing: no work worth a name, no write, no state (docs/PROTOCOL.md 3)."""
import os
import re
import resource
import shutil

import pytest

import sottotest
from fake import Letter
from hostile import Stage, flip, shown
from hostile_messages import FULL_FIXED, header_size

JUNK = 1000
CPU_SECONDS = 0.05   # what the specification allows on one core
NOISE = 6            # ... and what a loaded machine or a slow build makes of it


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.close()


def in_the_current_chain(envelope, number):
    """The true header, another ciphertext: the key has to be derived before the tag can fail."""
    return flip(envelope, header_size(envelope) + 20 + number % 200, 1 + number % 255)


def in_new_chains(envelope, number):
    """A header that opens a chain, with a ratchet key of its own each."""
    return envelope[:19] + number.to_bytes(2, "big") + os.urandom(30) + envelope[51:]


def far_ahead(envelope, number):
    """Numbers as far ahead as a receiver has to follow."""
    at = header_size(envelope) - 4
    return envelope[:at] + (1900 - number % 300).to_bytes(4, "big") + envelope[at + 4:]


def in_no_session(envelope, number):
    """A session that nobody has."""
    return envelope[:2] + os.urandom(16) + envelope[18:]


def states(client):
    return client.store_sql("SELECT peer, sid, state, active, confirmed FROM session ORDER BY row") + \
        client.store_sql("SELECT session, chain, number, key FROM skipped ORDER BY row")


def cpu_of(client):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert shown(client) == [], "junk was shown"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def flood(stage, to, kind, envelope):
    for number in range(JUNK):
        stage.fake.post(Letter("bob", to.name, kind(envelope, number)))


def is_acknowledged(stage, client):
    """The last acknowledgements may still be on their way when the command has ended."""
    sottotest.wait_until(lambda: not stage.fake.mailboxes[client.name], what="that junk is acknowledged")


@pytest.mark.parametrize("kind", [in_the_current_chain, in_new_chains, far_ahead, in_no_session], ids=lambda one: one.__name__)
def test_a_thousand_junk_messages_cost_nothing(stage, figures, kind):
    ana, bob = stage.conversation()
    letters = stage.held(bob, ana, "true")
    full = next(one.envelope for one in letters if one.envelope[1] == 0x11)
    assert header_size(full) >= FULL_FIXED + 4
    shown(ana)
    baseline = min(cpu_of(ana) for _ in range(3))
    before = states(ana)
    costs = []
    for _ in range(2):  # the better of two: the machine does other things, too
        flood(stage, ana, kind, full)
        costs.append(cpu_of(ana) - baseline)
        is_acknowledged(stage, ana)
    cost = min(costs)
    figures(f"{JUNK} junk FULL messages: {1000 * cost:.0f} ms of CPU (bound {1000 * CPU_SECONDS:.0f} ms), "
            f"baseline {1000 * baseline:.0f} ms")
    if kind is not in_no_session:
        assert states(ana) == before, "junk changed a session"
    if not sottotest.REDUCED:
        assert cost < NOISE * CPU_SECONDS
    for letter in letters:
        stage.fake.post(letter)
    assert shown(ana) == [("bob", "true")]


def writes_of(client, folder):
    """(writes to the store's files, syncs) of one recv."""
    trace = folder / "trace"
    client.prefix = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=pwrite64,write,fsync,fdatasync"]
    shown(client)
    client.prefix = []
    lines = [line for line in trace.read_text().splitlines() if re.search(r"\.db(-wal)?>", line)]
    return (sum("write" in line.split("(")[0] for line in lines), sum("sync(" in line for line in lines))


@pytest.mark.skipif(shutil.which("strace") is None or sottotest.REDUCED,
                    reason="SKIPPED: strace is not there, or sanitizers do not work under it")
@pytest.mark.parametrize("kind", [in_the_current_chain, in_new_chains, far_ahead], ids=lambda one: one.__name__)
def test_a_thousand_junk_messages_write_nothing(stage, figures, kind):
    ana, bob = stage.conversation()
    full = next(one.envelope for one in stage.held(bob, ana, "true") if one.envelope[1] == 0x11)
    shown(ana)
    plain = writes_of(ana, stage.folder)
    flood(stage, ana, kind, full)
    flooded = writes_of(ana, stage.folder)
    is_acknowledged(stage, ana)
    figures(f"writes and syncs of the store: {plain} without, {flooded} with {JUNK} junk messages")
    assert flooded[0] <= plain[0] + 12 and flooded[1] <= plain[1] + 4
