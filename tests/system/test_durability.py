# SPDX-License-Identifier: ISC
"""Accepted means durable, acknowledged means stored: read off the system calls, and shown under kill -9."""
import os
import random
import re
import shutil
import threading
import time
from pathlib import Path

import pytest

import sottotest
import trace
import wire
from sottotest import Client, Proxy, Server, program, reduced, wait_until, world
from test_bad_input import Member

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="SKIPPED: strace is not there")
FULL = re.compile(rb"(?i)(synchronous\s*=\s*)FULL")


def with_normal(name, folder):
    """A copy of a program whose store runs with synchronous=NORMAL (1): the bug that the checker has to see."""
    data = Path(program(name)).read_bytes()
    planted, count = FULL.subn(rb"\g<1>1   ", data)
    assert count >= 1 and len(planted) == len(data), f"no synchronous=FULL in {name}"
    copy = folder / name
    copy.write_bytes(planted)
    copy.chmod(0o700)
    return str(copy)


def trace_is_whole(path):
    """strace has written its last line."""
    return path.exists() and "+++ exited" in path.read_text("utf-8", "replace")


def traced_server(tmp_path, forge, binary):
    """One envelope after another through a traced sottod; the recipient is away. Returns the calls and the sender's
    port."""
    server = Server(tmp_path)
    server.start()
    ana, bob = Member(forge, server, "ana"), Member(forge, server, "bob")
    server.stop()
    server.process = None
    out = tmp_path / "trace"
    server.prefix = [*trace.COMMAND, "-o", str(out)]
    server.command = lambda *args: [binary, *args, "--data", str(server.data)]
    server.start()
    ana.login()
    bob.stream.close()
    time.sleep(0.2)
    mark = len(out.read_text().splitlines())
    for _ in range(10):
        assert ana.ask(wire.SEND, wire.send("bob", wire.compact_junk(4000)))[0] == wire.ACCEPTED
        time.sleep(0.02)
    sottotest.end(server.process)
    wait_until(lambda: trace_is_whole(out), what="the end of the trace")
    calls = trace.parse(out.read_text("utf-8", "replace").splitlines())
    return [call for call in calls if call.began >= mark], server.port


def judge_server(calls, port):
    """Between the read of an envelope on a connection and the next write on it there is a sync."""
    def on_client(call):
        return call.is_socket and f":{port}->" in call.target

    assert any(on_client(call) for call in calls), "the trace shows the connection"
    return trace.unsynced(calls, lambda c: on_client(c) and c.result >= 1000, on_client)


@needs_strace
@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: LeakSanitizer does not work under ptrace")
def test_sottod_syncs_between_reading_an_envelope_and_writing_accepted(tmp_path, forge, figures):
    calls, port = traced_server(tmp_path, forge, program("sottod"))
    faults, pairs = judge_server(calls, port)
    figures(f"{pairs} envelopes, {len(faults)} accepted before a sync")
    assert pairs == 10 and faults == []


@needs_strace
@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: LeakSanitizer does not work under ptrace")
def test_the_same_check_finds_a_sottod_with_synchronous_normal(tmp_path, forge):
    calls, port = traced_server(tmp_path, forge, with_normal("sottod", tmp_path))
    faults, pairs = judge_server(calls, port)
    # The first commit after a checkpoint syncs the header of the log, also with NORMAL.
    assert pairs == 10 and len(faults) >= 9, (pairs, faults)


def traced_recv(tmp_path, binary):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first contact")
    assert bob.texts() == ["first contact"]
    for i in range(3):
        ana.send("bob", f"{i}" + "x" * 60000)  # more than one read each, so each is a transaction of its own
    out = tmp_path / "trace"
    said = sottotest.run([*trace.COMMAND, "-o", str(out), binary, "recv", "--json"], env=bob.environment())
    assert len(said.objects("message")) == 3
    return trace.parse(out.read_text("utf-8", "replace").splitlines()), server.port


def judge_recv(calls, port):
    """Between the last read that brought a delivery and the write that acknowledges there is a sync."""
    socket = [call for call in calls if call.is_socket and "->" in call.target and f":{port}]" in call.target]
    big = [call for call in socket if call.name in trace.READS and call.result >= 5000]
    assert big, "the trace shows the deliveries"
    after = [call for call in socket if call.name in trace.WRITES and call.began > big[0].ended]
    assert after, "the trace shows the acknowledgement"
    chosen = [*big, *after, *(call for call in calls if call.name in trace.SYNCS)]
    return trace.unsynced(chosen, lambda c: c in big, lambda c: c in after)


@needs_strace
@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: LeakSanitizer does not work under ptrace")
def test_sotto_recv_syncs_between_reading_a_delivery_and_acknowledging_it(tmp_path, figures):
    calls, port = traced_recv(tmp_path, program("sotto"))
    faults, pairs = judge_recv(calls, port)
    figures(f"{pairs} acknowledgements, {len(faults)} before a sync")
    assert pairs >= 1 and faults == []


@needs_strace
@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: LeakSanitizer does not work under ptrace")
def test_the_same_check_finds_a_sotto_with_synchronous_normal(tmp_path):
    calls, port = traced_recv(tmp_path, with_normal("sotto", tmp_path))
    faults, pairs = judge_recv(calls, port)
    assert pairs >= 1 and faults, "a recv without a sync passed the check"


def test_the_checker_itself_on_traces_made_by_hand():
    good = ['1 read(9<TCP:[127.0.0.1:80->127.0.0.1:5]>, "x", 9) = 4000',
            '2 fdatasync(7</d/db-wal> <unfinished ...>',
            '1 read(9<TCP:[127.0.0.1:80->127.0.0.1:5]>, "x", 9) = -1 EAGAIN (Resource temporarily unavailable)',
            '2 <... fdatasync resumed>) = 0',
            '1 write(9<TCP:[127.0.0.1:80->127.0.0.1:5]>, "x", 9) = 31']
    assert judge_server(trace.parse(good), 80) == ([], 1)
    late = [good[0], good[1], good[4], good[3]]
    early = [good[1], good[3], good[0], good[4]]
    straddling = [good[1], good[0], good[3], good[4]]
    failed = [good[0], good[1], "2 <... fdatasync resumed>) = -1 EIO (Input/output error)", good[4]]
    for bad in (late, early, straddling, failed, [good[0], good[4]]):
        faults, pairs = judge_server(trace.parse(bad), 80)
        assert pairs == 1 and len(faults) == 1, bad


# --- kill -9 ---------------------------------------------------------------------------------------------------

class Storm:
    """Senders that repeat until accepted, with one --id a message; the server dies under them again and again."""

    def __init__(self, tmp_path, senders, each):
        self.server = Server(tmp_path)
        self.proxy = Proxy(self.server.port)
        self.server.public = f"127.0.0.1:{self.proxy.port}"
        self.server.start()
        self.rita = Client(tmp_path, "rita")
        self.rita.join(self.server.invite())
        self.senders = [Client(tmp_path, f"s{i}") for i in range(senders)]
        for sender in self.senders:
            sender.join(self.server.invite())
        self.each = each
        self.is_up = threading.Event()
        self.is_up.set()
        self.lock = threading.Lock()
        self.accepted, self.unknown, self.received = set(), set(), []
        self.attempts = self.repeats = self.running = self.lost_answers = 0
        self.failures = []

    def send_all(self, sender):
        for i in range(self.each):
            text, tries = f"{sender.name} {i}", 0
            while True:
                self.is_up.wait()
                with self.lock:
                    self.attempts += 1
                    self.repeats += tries > 0
                    self.running += 1
                tries += 1
                try:
                    said = sender.send("rita", text, "--id", f"{sender.name}-{i}", "--timeout", "10s", expect=None)
                finally:
                    with self.lock:
                        self.running -= 1
                if said.exit == 0:
                    with self.lock:
                        self.accepted.add(text)
                    break
                if said.exit != 5 or tries > 60:
                    self.failures.append(repr(said))
                    return
                if said.code == "send_unknown":
                    with self.lock:
                        self.unknown.add(text)

    def kill_once(self, chance):
        """Kills while answers are held back. Returns how many sends were in flight: their senders do not know."""
        before = len(self.unknown)
        # TLS, the login's answer and a certificate (6.9 kB) pass, so that what is held back is ACCEPTED.
        self.proxy.hold_answers(free_bytes=8000)
        wait_until(lambda: self.proxy.held > 0 or self.running == 0, 10, 0.002, what="an answer that is held back")
        time.sleep(chance.uniform(0, 0.05))
        self.is_up.clear()
        self.server.kill()
        self.proxy.cut()
        wait_until(lambda: self.running == 0, 60, what="the senders notice")
        in_flight = len(self.unknown) - before
        self.server.start()
        # What rita has although no ACCEPTED for it ever reached its sender.
        self.lost_answers += len(set(self.take()) & (self.unknown - self.accepted))
        self.is_up.set()
        return in_flight

    def take(self):
        texts = self.rita.texts(timeout=300)
        self.received += texts
        return texts


def test_kill_9_under_sending_programs_loses_nothing_and_shows_nothing_twice(tmp_path, figures):
    seed = int(os.environ.get("SOTTO_SEED", "7"))
    chance = random.Random(seed)
    kills, senders, each = reduced(4, 2), 6, reduced(30, 6)
    storm = Storm(tmp_path, senders, each)
    threads = [threading.Thread(target=storm.send_all, args=(sender,), daemon=True) for sender in storm.senders]
    for thread in threads:
        thread.start()
    counted = tried = in_flight = 0
    total = senders * each
    while counted < kills:
        goal = total * (counted + 1) // (kills + 2)
        wait_until(lambda: len(storm.accepted) >= goal or storm.failures, 300, what="progress of the senders")
        assert not storm.failures, storm.failures[0]
        flying = storm.kill_once(chance)
        tried += 1
        in_flight += flying
        counted += flying > 0
        assert tried <= 3 * kills, f"only {counted} of {tried} kills met a send in flight"
    for thread in threads:
        thread.join(300)
    storm.take()
    storm.take()
    assert not storm.failures, storm.failures[0]

    lost = storm.accepted - set(storm.received)
    twice = len(storm.received) - len(set(storm.received))
    figures(f"{total} messages, {counted} kills (of {tried}) with a send unanswered, {in_flight} sends in flight, "
            f"{storm.lost_answers} delivered whose ACCEPTED never arrived, {storm.repeats} repeats: "
            f"lost {len(lost)}, shown twice {twice} (seed {seed})")
    assert len(storm.accepted) == total and not lost and twice == 0
    for sender in storm.senders:
        own = [int(text.split()[1]) for text in storm.received if text.split()[0] == sender.name]
        assert own == list(range(each)), f"{sender.name} out of order"
    assert in_flight > 0 and storm.lost_answers > 0 and storm.repeats > 0
