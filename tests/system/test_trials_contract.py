# SPDX-License-Identifier: ISC
"""Points of the delivery contract that only a running server can break."""
import struct
import time

import attacks
import wire
from wire import ACCEPTED, ACK, CAUGHT_UP, DELIVER, FETCH, SEND, Member

EARLY_WAIT_SECONDS = 0.1  # as shipped


def test_whoever_does_not_acknowledge_delays_a_sender_for_a_moment_only(server, forge, figures):
    """Contract 9 spares the insert of what is acknowledged at once; what is not is stored soon, also when nothing else
    happens on the server meanwhile."""
    ana, bob = Member(forge, server, "ana"), Member(forge, server, "bob")
    bob.say(FETCH, struct.pack(">H", 64))
    assert bob.stream.frame()[0] == CAUGHT_UP
    took, handles = [], []
    for acknowledges in (True, False) * 3:
        waited, began = attacks.waited(server.process.pid), time.monotonic()
        ana.say(SEND, wire.send("bob", wire.compact_junk()))
        kind, _, body = bob.stream.frame()
        assert kind == DELIVER
        handles.append(wire.read_deliver(body)["handle"])
        if acknowledges:
            bob.say(ACK, wire.ack(*handles))
            handles.clear()
        assert ana.stream.frame()[0] == ACCEPTED
        if not acknowledges:
            took.append(time.monotonic() - began - (attacks.waited(server.process.pid) - waited))
    middle = sorted(took)[len(took) // 2]  # what waited for a core is taken off, and can be too much of one
    figures(f"{1000 * middle:.0f} ms")
    assert EARLY_WAIT_SECONDS * 0.9 < middle < 4 * EARLY_WAIT_SECONDS, took
