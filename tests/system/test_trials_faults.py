# SPDX-License-Identifier: ISC
"""The n-th write or sync of the server's store fails, on the real binary: strace returns the error in place of the call.
After a failed write or sync nothing more is accepted and the process ends; without space new messages are refused, and
it goes on by itself. Whatever came of it, the next start finds all that was accepted, each once and in order."""
import re
import shutil
import struct
import time

import pytest

import sottotest
import wire
from sottotest import Server
from wire import ACCEPTED, ACK, CAUGHT_UP, DELIVER, FETCH, SEND, Member

pytestmark = pytest.mark.skipif(shutil.which("strace") is None or sottotest.REDUCED,
                                reason="SKIPPED: strace is not there, or sanitizers do not work under it")

END_SECONDS = 1.0
INJECTED = re.compile(r"^\d+ +(\d+\.\d+) (\w+)\(.*= -1 (\w+) .*\(INJECTED\)$", re.MULTILINE)


class Faulty:
    """A server whose calls on one of its files fail as told; it is the same data again and again."""

    def __init__(self, folder, forge):
        self.server, self.trace = Server(folder), folder / "trace"
        self.server.start()
        self.ana, self.bob = Member(forge, self.server, "ana"), Member(forge, self.server, "bob")
        self.server.kill()
        self.sent = []  # every envelope's id, in the order in which it was first sent
        self.envelope, self.is_unanswered = None, False

    def start(self, calls, error, when, file="server.db-wal"):
        """`when` counts the calls of each thread on that file, as strace does: 3, 3+ or 3+5. Waits until it listens, or
        has ended."""
        begin = len(self.server.log())
        self.trace.unlink(missing_ok=True)
        self.server.prefix = ["strace", "-f", "--seccomp-bpf", "-qq", "-ttt", "-o", self.trace, "-e", "signal=none",
                              "-P", self.server.data / file, "-e", f"trace={calls}",
                              "-e", f"inject={calls}:error={error}:when={when}"]
        self.server.start(wait=False)
        self.server.prefix = []
        sottotest.wait_until(lambda: sottotest.LISTENING.search(self.server.log()[begin:]) or not self.server.is_running(),
                             every=0.002, what="a start")

    def injected(self):
        """[(when, call, error)] of the failures so far."""
        return [(float(at), call, error) for at, call, error in INJECTED.findall(self.trace.read_text("utf-8", "replace"))]

    def send(self, size=342):
        """Ana's next message; or the last one again, if it had no answer. True: accepted; else what she was told."""
        if not self.is_unanswered:
            self.sent.append(struct.pack(">QQ", 9, len(self.sent)))
            self.envelope = wire.compact_junk(size)
        self.is_unanswered = True
        kind, body = self.ana.ask(SEND, wire.send("bob", self.envelope, self.sent[-1]))
        self.is_unanswered = False
        return kind == ACCEPTED or wire.read_error(body)["code"]

    def wait_for_the_end(self):
        """How long it lived on after the first failure."""
        assert self.server.process.wait(5) == 9, self.server.log()[-500:]
        took = time.time() - self.injected()[0][0]
        assert "[storage_failed, exit 9]" in self.server.log()
        sottotest.record_codes(self.server.log())
        assert took < END_SECONDS, f"it lived on for {took:.2f} s"
        return took

    def mailbox(self, acknowledges=False):
        """The ids that wait for bob, in order; then he leaves."""
        self.bob.login()
        self.bob.say(FETCH, struct.pack(">H", 256))
        found = []
        while True:
            kind, _, body = self.bob.stream.frame()
            if kind == CAUGHT_UP:
                break
            assert kind == DELIVER
            found.append(wire.read_deliver(body)["id"])
            if acknowledges:
                self.bob.say(ACK, wire.ack(wire.read_deliver(body)["handle"]))
        self.bob.ask(wire.PING)  # what was said before it was read
        self.bob.stream.close()
        return found

    def room_again(self, times):
        sottotest.wait_until(lambda: self.server.log().count("space on the disk again") == times, 5, what="room again")


@pytest.fixture
def faulty(tmp_path, forge):
    return Faulty(tmp_path, forge)


def fail_at(faulty, calls, error, position):
    """Sends until the call at that position fails: the process ends, within so many seconds."""
    faulty.start(calls, error, f"{position}+")
    last = 0.0
    try:
        faulty.ana.login()
        for _ in range(2 + position):
            assert faulty.send() is True
            last = time.time()
    except (wire.Closed, wire.NoConnection):
        pass
    took = faulty.wait_for_the_end()
    failed = faulty.injected()[0]
    assert failed[1:] == (calls, error)
    assert last < failed[0], f"accepted after {calls} {position} had failed"
    return took


def fail_at_each(faulty, figures, positions):
    """What had no answer is sent again, under its id, after the start that follows."""
    slowest = max(fail_at(faulty, *one) for one in positions)
    faulty.server.start()
    faulty.ana.login()
    assert faulty.send() is True, "what had no answer is accepted when it comes again"
    assert faulty.mailbox(acknowledges=True) == faulty.sent, "all that was accepted, each once, in order"
    figures(f"{len(positions)} failures, {len(faulty.sent)} messages: 0 accepted after a failure, 0 lost, 0 twice, "
            f"gone after {1000 * slowest:.0f} ms at most")


# The first sync of the log is that of emptying it; then its header is written and synced, and a commit of one message
# is eight writes and a sync.
SHORT = [("fdatasync", "EIO", 1), ("fdatasync", "EIO", 2), ("fdatasync", "EIO", 3), ("fdatasync", "EIO", 5),
         ("fdatasync", "ENOSPC", 2), ("pwrite64", "EIO", 1), ("pwrite64", "EIO", 2), ("pwrite64", "EIO", 3),
         ("pwrite64", "EIO", 5), ("pwrite64", "EIO", 8), ("pwrite64", "EIO", 9), ("pwrite64", "EIO", 10),
         ("pwrite64", "EIO", 17), ("pwrite64", "EIO", 20)]


def test_after_a_failed_write_or_sync_nothing_is_accepted_and_nothing_is_lost(faulty, figures):
    fail_at_each(faulty, figures, SHORT)


@pytest.mark.long
def test_two_hundred_failed_writes_and_syncs(faulty, figures):
    fail_at_each(faulty, figures, [*(("fdatasync", "EIO", n) for n in range(1, 81)),
                                   *(("fdatasync", "ENOSPC", n) for n in range(1, 21)),
                                   *(("pwrite64", "EIO", n) for n in range(1, 101))])


def test_without_space_for_a_write_it_refuses_and_delivers_and_goes_on_by_itself(faulty, figures):
    """Every eleventh write finds no space: another one of each commit."""
    faulty.start("pwrite64", "ENOSPC", "5+11")
    accepted, refused = [], 0
    while len(accepted) < 2 or refused < 2:
        faulty.ana.login()  # on a connection that refused one to bob, later ones to him are refused too
        said = faulty.send()
        if said is True:
            accepted.append(faulty.sent[-1])
            continue
        assert said == "server_disk_full", said
        refused += 1
        assert faulty.mailbox() == accepted, "what is stored is delivered"
        faulty.room_again(refused)
    assert refused >= 2 and faulty.mailbox() == accepted, "nothing that was refused is delivered"
    assert faulty.server.is_running() and {call[1:] for call in faulty.injected()} == {("pwrite64", "ENOSPC")}
    figures(f"{refused} messages refused, {len(accepted)} accepted and delivered")


def test_what_was_promised_waits_for_space(faulty):
    """An acknowledgement, and a message that was handed over before it was stored, are not refused: they are held."""
    waits_in_the_log(faulty, 3)
    faulty.start("pwrite64", "ENOSPC", "3")
    assert faulty.mailbox(acknowledges=True) == faulty.sent
    faulty.room_again(1)
    assert faulty.mailbox() == [], "the acknowledgement holds"
    faulty.server.kill()
    faulty.start("pwrite64", "ENOSPC", "3")
    faulty.bob.login()
    faulty.bob.say(FETCH, struct.pack(">H", 16))
    assert faulty.bob.stream.frame()[0] == CAUGHT_UP
    faulty.ana.login()
    assert faulty.send() is True, "accepted, once there was space"
    assert faulty.injected() and "disk full" in faulty.server.log()
    assert faulty.bob.stream.frame()[0] == DELIVER
    assert faulty.mailbox() == faulty.sent[-1:], "and stored"


# --- the log is emptied into the database: at the start, every thirty seconds, and when it has grown ----------------


def waits_in_the_log(faulty, count):
    """Accepted messages that no file but the log has."""
    faulty.server.start()
    faulty.ana.login()
    for _ in range(count):
        assert faulty.send() is True
    faulty.server.kill()


def test_a_failure_while_the_log_is_emptied_ends_the_server(faulty):
    """Otherwise a later sync, of data that the system has given up, would let the log go."""
    for call, error, file in (("pwrite64", "EIO", "server.db"), ("fdatasync", "EIO", "server.db"),
                              ("fdatasync", "ENOSPC", "server.db"), ("ftruncate", "EIO", "server.db-wal")):
        waits_in_the_log(faulty, 2)
        faulty.start(call, error, "1+", file)
        faulty.wait_for_the_end()
    faulty.server.start()
    assert faulty.mailbox() == faulty.sent


def test_a_failure_while_a_grown_log_is_carried_over_ends_the_server(faulty):
    """More pages of messages than the log may have, and the database can't be synced: not at the next emptying, but now."""
    faulty.server.start()
    assert faulty.server.stop() == 0  # nothing waits in the log
    faulty.start("fdatasync", "EIO", "1+", "server.db")
    faulty.ana.login()
    with pytest.raises(wire.Closed):
        for _ in range(400):
            assert faulty.send(70000) is True
    faulty.wait_for_the_end()
    faulty.server.start()
    faulty.ana.login()
    assert faulty.send() is True and faulty.mailbox(acknowledges=True) == faulty.sent


def test_without_space_to_empty_the_log_it_goes_on(faulty):
    waits_in_the_log(faulty, 3)
    faulty.start("pwrite64", "ENOSPC", "1+", "server.db")
    assert faulty.mailbox() == faulty.sent
    faulty.ana.login()
    assert faulty.send() is True and faulty.injected() and faulty.server.is_running()
    faulty.server.kill()
    faulty.server.start()
    assert faulty.mailbox() == faulty.sent
