# SPDX-License-Identifier: ISC
"""A server with its shipped settings under those who want to keep it from its members: silent connections, a thousand
ClientHellos at once, a member who sends faster than anybody may. Whoever is in goes on talking, promptly."""
import os
import socket
import struct
import time

import pytest

import attacks
import wire
from attacks import connect_many, p99
from sottotest import reduced
from wire import ACCEPTED, ACK, CAUGHT_UP, DELIVER, ERROR, FETCH, SEND, Closed, Member

BEFORE_LOGIN, PER_ADDRESS, SEND_BURST = 512, 64, 2000  # as shipped
PROMPT_SECONDS = reduced(0.05, 0.5)
MEMORY_KIB = 150 * 1024


@pytest.fixture(autouse=True)
def little_quarantine(monkeypatch):
    """AddressSanitizer keeps up to 256 MiB of what was freed, so that it is not used again soon: here 16, for the memory
    that is measured is to be the server's own."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16")


@pytest.fixture
def talk(server, forge):
    """Two members; called, one message goes from one to the other and both acknowledgements come. The seconds of it, without
    those for which a process on its way waited for a core."""
    left, right = Member(forge, server, "left"), Member(forge, server, "right")
    right.say(FETCH, struct.pack(">H", 16))
    assert right.stream.frame()[0] == CAUGHT_UP

    way = [server.process.pid, left.stream.process.pid, right.stream.process.pid, os.getpid()]

    def once():
        envelope, waited, began = wire.compact_junk(), attacks.waited(*way), time.monotonic()
        left.say(SEND, wire.send("right", envelope))
        kind, _, body = right.stream.frame()
        assert kind == DELIVER and wire.read_deliver(body)["envelope"] == envelope
        right.say(ACK, wire.ack(wire.read_deliver(body)["handle"]))
        assert left.stream.frame()[0] == ACCEPTED
        took = time.monotonic() - began
        return max(0, took - (attacks.waited(*way) - waited))
    once.forge = forge
    once()
    return once


def check_prompt(seconds, calm):
    """Prompt for people, or as prompt as a machine lets it be that is busy with other things already: without a pace
    the first of these tests takes three seconds for a message."""
    assert p99(seconds) < max(PROMPT_SECONDS, 10 * p99(calm)), (p99(seconds), p99(calm))


def talk_beside(talk, server, attack, *arguments):
    """Conversations while another process floods."""
    with attacks.beside(attack, server, *arguments):
        return attacks.talk_for(talk, 1.2)


def test_hellos_delay_nobody_who_is_in(server, talk, figures):
    """A thousand handshakes begun at once, over and over: each costs the server a key exchange and a signature."""
    calm, before = [talk() for _ in range(200)], server.rss_kib()
    seconds = talk_beside(talk, server, attacks.again_and_again, 1000, attacks.client_hello(), 20)
    figures(f"flood of 1,000 ClientHellos: p99 {1000 * p99(seconds):.1f} ms ({1000 * p99(calm):.1f} ms in calm), "
            f"{(server.rss_kib() - before) / 1024:.0f} MiB more")
    check_prompt(seconds, calm)
    assert server.rss_kib() - before < MEMORY_KIB
    talk()


def test_silent_connections_keep_nobody_out(server, talk, figures):
    """More of them than may be before login: the oldest silent ones go, and a member comes in among them."""
    calm, before = [talk() for _ in range(200)], server.rss_kib()
    seconds = talk_beside(talk, server, attacks.hold, 2 * BEFORE_LOGIN, b"", 20)
    check_prompt(seconds, calm)
    assert server.rss_kib() - before < MEMORY_KIB
    made = connect_many((server.host, server.port), 2 * BEFORE_LOGIN, b"\x16", 20)
    Member(talk.forge, server, "late")
    for one in made:
        one.close()
    figures(f"{2 * BEFORE_LOGIN} silent connections: p99 {1000 * p99(seconds):.1f} ms")


def test_all_sorts_of_nuisance_delay_nobody_who_is_in(server, talk, figures):
    """At once: malformed frames, TLS garbage, slow writers with and without TLS, and members who ask and never read."""
    calm, before, hello = [talk() for _ in range(200)], server.rss_kib(), attacks.client_hello()
    eve, few = [Member(talk.forge, server, f"eve{i}", publishes=False) for i in range(2)], reduced(20, 5)
    with attacks.malformed_frames(server, reduced(400, 50)), attacks.beside(attacks.garbage, server, hello, 20), \
            attacks.beside(attacks.trickle, server, 100, hello, 40), attacks.slow_logins(server, few), \
            attacks.deaf(eve), attacks.Memory(server) as memory:
        seconds = attacks.talk_for(talk, 1.2)
    figures(f"p99 {1000 * p99(seconds):.1f} ms ({1000 * p99(calm):.1f} ms in calm), {(memory.most - before) / 1024:.0f} MiB more")
    check_prompt(seconds, calm)
    assert memory.most - before < MEMORY_KIB
    talk()


def is_open(connection):
    connection.settimeout(0.3)
    try:
        return connection.recv(1) != b""
    except socket.timeout:
        return True
    except OSError:
        return False


def test_one_address_has_its_share(server, talk):
    """64 connections before login from one address, and none more; another address has its own."""
    made = connect_many((server.host, server.port), PER_ADDRESS + 1, b"", 1)
    assert not is_open(made[-1])
    assert is_open(made[-2]) and is_open(made[0])
    other = connect_many((server.host, server.port), 2, b"", 2)[1]
    assert is_open(other)
    for one in [*made, other]:
        one.close()
    talk()


def test_a_member_who_floods_is_told_to_wait(server, talk, figures):
    """Past the burst: rate_limited with the time to wait, and the others are as prompt as before."""
    fast = Member(talk.forge, server, "fast")
    envelope, answers, seconds = wire.compact_junk(), [], []
    for start in range(0, SEND_BURST + 400, 200):
        for i in range(200):
            fast.say(SEND, wire.send("left", envelope, struct.pack(">QQ", 1, start + i)))
        seconds.append(talk())
        answers += [fast.stream.frame() for _ in range(200)]
    kinds = [kind for kind, _, _ in answers]
    assert set(kinds[:SEND_BURST]) == {ACCEPTED}
    said = [wire.read_error(body) for kind, _, body in answers if kind == ERROR]
    assert said, "nobody sends more than the burst and what has gathered meanwhile"
    assert said[0]["code"] == "rate_limited" and said[0]["retry_after_s"] >= 1, said[0]
    assert {one["code"] for one in said} <= {"rate_limited", "earlier_refused"}
    assert max(seconds) < 20 * PROMPT_SECONDS
    figures(f"{len(said)} of {len(answers)} refused, others wait {1000 * max(seconds):.0f} ms at most")
    with pytest.raises((Closed, AssertionError)):
        fast.stream.frame(seconds=0.2)  # every request had its one answer
