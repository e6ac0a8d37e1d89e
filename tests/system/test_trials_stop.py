# SPDX-License-Identifier: ISC
"""SIGTERM: the server takes nobody new, commits what it took, answers it, and is gone within five seconds, whoever does
not read, does not write, or never said a word."""
import signal
import socket
import struct
import time

import pytest

import sottotest
import wire
from wire import ACCEPTED, CAUGHT_UP, DELIVER, ERROR, FETCH, SEND, Member

STOP_SECONDS = 5.0
MARGIN_SECONDS = 0.5  # beyond the server's own limit: a busy machine ends a process later


def tell_to_stop(server):
    """SIGTERM, and when it was noticed."""
    server.process.send_signal(signal.SIGTERM)
    sottotest.wait_until(lambda: "stopping" in server.log(), what="the server being told")
    return time.monotonic()


def wait_for_the_end(server, began, status=0):
    """How many seconds the process lived on."""
    said = server.process.wait(30)
    took = time.monotonic() - began
    sottotest.record_codes(server.log())
    assert said == status, (said, server.log()[-2000:])
    return took


def mailbox(member):
    """All that waits, in order."""
    member.login()
    member.say(FETCH, struct.pack(">H", 256))
    found = []
    while True:
        kind, _, body = member.stream.frame()
        if kind == CAUGHT_UP:
            return found
        assert kind == DELIVER
        found.append(wire.read_deliver(body)["id"])
        member.say(wire.ACK, wire.ack(wire.read_deliver(body)["handle"]))


def test_what_was_taken_is_committed_and_answered_before_the_end(server, forge, figures):
    ana, bob = Member(forge, server, "ana"), Member(forge, server, "bob")
    counted = answered = 0
    for turn in range(4):
        ids = [bytes([turn, i]) + bytes(14) for i in range(100)]
        first = ana.request + 1
        ana.stream.write(b"".join(wire.frame(SEND, first + i, wire.send("bob", wire.compact_junk(), one))
                                  for i, one in enumerate(ids)))
        time.sleep(0.003 * turn)
        took = wait_for_the_end(server, tell_to_stop(server))
        frames = ana.stream.frames_to_the_end()
        accepted = [ids[request - first] for kind, request, _ in frames if kind == ACCEPTED]
        assert [kind for kind, _, _ in frames] == [ACCEPTED] * len(accepted) + [ERROR], "then one word of the end"
        assert wire.read_error(frames[-1][2])["code"] == "shutting_down", wire.read_error(frames[-1][2])
        assert took < 4, "nobody is waited for who reads"
        server.start()
        assert mailbox(bob) == accepted == ids[:len(accepted)], "stored and answered are the same"
        ana.login()
        counted, answered = counted + len(ids), answered + len(accepted)
    figures(f"{answered} of {counted} messages were taken, stored and answered")
    assert 0 < answered


def asks_and_does_not_read(member):
    """For 17 MB of certificates: more than the buffers between them hold."""
    first = member.request + 1
    member.stream.write(b"".join(wire.frame(wire.GET_CERTIFICATE, first + i, wire.string("ana")) for i in range(2500)))
    time.sleep(0.3)


def test_slow_readers_and_half_open_connections_do_not_hold_it_up_and_nobody_new_is_taken(server, forge, figures):
    ana, eve = Member(forge, server, "ana"), Member(forge, server, "eve")
    eve.say(FETCH, struct.pack(">H", 256))
    for _ in range(40):  # 3 MB for somebody who does not read them
        assert ana.ask(SEND, wire.send("eve", wire.compact_junk(76000)))[0] == ACCEPTED
    asks_and_does_not_read(eve)
    address = (server.host, server.port)
    silent = [socket.create_connection(address) for _ in range(20)]
    half = [socket.create_connection(address) for _ in range(10)]
    for one in half:
        one.sendall(b"\x16\x03\x01\x02\x00\x01")
    idle = [wire.connect(server, source=f"127.0.0.{2 + i}") for i in range(5)]
    idle[0].write(wire.frame(wire.LOGIN, 1, bytes(98))[:40])
    began = tell_to_stop(server)
    assert server.is_running(), "eve keeps it for a while"
    with pytest.raises((wire.NoConnection, wire.Closed)):
        wire.connect(server)
    took = wait_for_the_end(server, began)
    figures(f"gone after {took:.2f} s with 30 half-open, 5 idle connections and a reader that does not read")
    assert took < STOP_SECONDS + MARGIN_SECONDS
    for one in (*silent, *half):
        one.close()
    server.start()
    assert len(mailbox(eve)) == 40, "what was not acknowledged is still there"


def test_a_second_signal_ends_it_with_another_exit_status(server, forge):
    Member(forge, server, "ana")
    eve = Member(forge, server, "eve")
    asks_and_does_not_read(eve)
    tell_to_stop(server)
    assert wait_for_the_end(server, tell_to_stop(server), 128 + signal.SIGTERM) < 1.5, "the goodbye to eve is not waited for"
