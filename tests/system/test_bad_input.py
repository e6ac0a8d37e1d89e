# SPDX-License-Identifier: ISC
"""Bad input from the network: one error frame where the peer can read it, then that connection closes. Nobody else
notices, and what it costs is bounded."""
import os
import socket
import struct
import time

import pytest

import wire
from sottotest import reduced
from wire import ACCEPTED, ACK, CAUGHT_UP, DELIVER, DONE, ERROR, FETCH, PING, RENEW, SEND, WELCOME, Member


@pytest.fixture
def neighbours(forge, server):
    """Two whose conversation has to go on whatever others do; called to prove it."""
    left, right = Member(forge, server, "left"), Member(forge, server, "right")
    right.say(FETCH, struct.pack(">H", 16))
    assert right.stream.frame()[0] == CAUGHT_UP
    count = 0

    def talk():
        nonlocal count
        count += 1
        envelope = wire.compact_junk()
        began = time.monotonic()
        left.say(SEND, wire.send("right", envelope))
        kind, _, body = right.stream.frame()
        assert kind == DELIVER and wire.read_deliver(body)["envelope"] == envelope
        right.say(ACK, wire.ack(wire.read_deliver(body)["handle"]))
        assert left.stream.frame()[0] == ACCEPTED
        assert time.monotonic() - began < 5
    talk()
    return talk


def refused_and_closed(stream, code="protocol_error", seconds=20):
    """Exactly one ERROR that ends the connection."""
    frames = stream.frames_to_the_end(seconds)
    assert [kind for kind, _, _ in frames] == [ERROR], frames
    said = wire.read_error(frames[0][2])
    assert said["code"] == code, said
    return said


CERT = wire.CERTIFICATE_BYTES

BEFORE_LOGIN = {
    "empty frame": b"\0\0\0\0",
    "frame shorter than its header": b"\0\0\0\x04\x01\0\0\0",
    "frame over the limit": struct.pack(">IBI", 7 * 1024 + 128, 1, 1),
    "frame of 4 GiB": b"\xff\xff\xff\xff\x01\0\0\0\x01",
    "unknown type": wire.frame(0x55, 1),
    "type of the server": wire.frame(WELCOME, 1, wire.welcome("eve")),
    "type of a later state": wire.frame(PING, 1),
    "send before login": wire.frame(SEND, 1, wire.send("bob", wire.compact_junk())),
    "request 0": wire.frame(wire.LOGIN, 0, b"\x01\x20" + bytes(96)),
    "login too short": wire.frame(wire.LOGIN, 1, b"\x01\x20" + bytes(95)),
    "login with a trailing byte": wire.frame(wire.LOGIN, 1, b"\x01\x20" + bytes(97)),
    "login of suite 2": wire.frame(wire.LOGIN, 1, b"\x02\x20" + bytes(96)),
    "login of another type": wire.frame(wire.LOGIN, 1, b"\x01\x21" + bytes(96)),
    "register with a flag of 2": wire.frame(wire.REGISTER, 1, b"\x01\x20" + bytes(96) + b"\x02" + bytes(CERT)),
    "register without its certificate": wire.frame(wire.REGISTER, 1, b"\x01\x20" + bytes(96) + b"\0"),
    "register with a trailing byte": wire.frame(wire.REGISTER, 1,
                                                b"\x01\x20" + bytes(96) + b"\0" + bytes(CERT + 1)),
    "HTTP": b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n",
    "random bytes": bytes(range(200, 256)) * 40,
}


@pytest.mark.parametrize("fault", list(BEFORE_LOGIN))
def test_before_login(server, neighbours, fault):
    stream = wire.connect(server)
    stream.write(BEFORE_LOGIN[fault])
    refused_and_closed(stream)
    neighbours()
    assert server.is_running()


def test_register_with_a_certificate_that_nobody_signed(server, neighbours, forge):
    eve = wire.Identity(forge, "eve")
    for certificate in (bytes(CERT), eve.certificate[:-1] + bytes([eve.certificate[-1] ^ 1]),
                        wire.Identity(forge, "eve", fields={"device_id": 2}).certificate):
        stream = wire.connect(server)
        stream.write(wire.frame(wire.REGISTER, 1, eve.login(stream.exporter) + b"\x01" + wire.token(server.invite())
                                + certificate))
        frames = stream.frames_to_the_end()
        assert [kind for kind, _, _ in frames] == [ERROR]
        assert wire.read_error(frames[0][2])["code"] in ("certificate_refused", "protocol_error", "login_refused")
    neighbours()


def flipped(proof):
    """The last byte of an Ed25519 signature is 0 in one of sixteen: another byte there would not always be another one."""
    return proof[:-1] + bytes([proof[-1] ^ 1])


def test_login_of_nobody_and_with_a_wrong_signature(server, forge):
    carol = Member(forge, server, "carol")
    stranger = wire.Identity(forge, "stranger")
    for make in (lambda s: stranger.login(s.exporter), lambda s: carol.identity.login(bytes(32)),
                 lambda s: flipped(carol.identity.login(s.exporter)),
                 lambda s: stranger.login(s.exporter, cid=carol.identity.cid)):
        stream = wire.connect(server)
        for request in (1, 2):
            stream.write(wire.frame(wire.LOGIN, request, make(stream)))
        frames = stream.frames_to_the_end()
        assert [(kind, request) for kind, request, _ in frames] == [(ERROR, 1), (ERROR, 2)]
        assert {wire.read_error(body)["code"] for _, _, body in frames} == {"login_refused"}
    assert carol.ask(PING)[0] == DONE


def test_a_second_login_on_the_same_connection_may_be_the_right_one(server, forge):
    carol, stranger = Member(forge, server, "carol"), wire.Identity(forge, "stranger")
    stream = wire.connect(server)
    for request, who in ((1, stranger), (2, carol.identity)):
        stream.write(wire.frame(wire.LOGIN, request, who.login(stream.exporter)))
    kind, request, body = stream.frame()
    assert (kind, request) == (ERROR, 1) and wire.read_error(body)["code"] == "login_refused"
    kind, request, body = stream.frame()
    assert (kind, request) == (WELCOME, 2) and wire.read_welcome(body)["name"] == "carol"


def after_login():
    envelope = wire.compact_junk()
    return {
        "frame over the limit": struct.pack(">IBI", 80 * 1024, SEND, 9),
        "unknown type": wire.frame(0x55, 9),
        "type of the server": wire.frame(ACCEPTED, 9),
        "login again": wire.frame(wire.LOGIN, 9, b"\x01\x20" + bytes(96)),
        "request 0": wire.frame(PING, 0),
        "request that goes back": wire.frame(PING, 1),
        "ping with a body": wire.frame(PING, 9, b"x"),
        "send truncated": wire.frame(SEND, 9, wire.send("left", envelope)[:-1]),
        "send with a trailing byte": wire.frame(SEND, 9, wire.send("left", envelope) + b"x"),
        "send to a name in upper case": wire.frame(SEND, 9, wire.send("Left", envelope)),
        "send to a name of bad UTF-8": wire.frame(SEND, 9, wire.send(b"\xff\xfe\xfd", envelope)),
        "send to an empty name": wire.frame(SEND, 9, wire.send("", envelope)),
        "send with size 0": wire.frame(SEND, 9, wire.send("left", b"")),
        "send of 341 bytes": wire.frame(SEND, 9, wire.send("left", envelope[:341])),
        "send one byte over the largest envelope": wire.frame(SEND, 9, wire.send("left", wire.compact_junk(76253))),
        "size that runs past the end": wire.frame(SEND, 9, wire.send("left", envelope).replace(
            struct.pack(">I", 342), b"\xff\xff\xff\xff")),
        "fetch with window 0": wire.frame(FETCH, 9, b"\0\0"),
        "fetch with a window too large": wire.frame(FETCH, 9, b"\xff\xff"),
        "fetch twice": wire.frame(FETCH, 8, b"\0\x04") + wire.frame(FETCH, 9, b"\0\x04"),
        "ack of nothing": wire.frame(ACK, 9, b"\0\0"),
        "ack of 257": wire.frame(ACK, 9, struct.pack(">H", 257) + bytes(8 * 257)),
        "ack truncated": wire.frame(ACK, 9, struct.pack(">H", 2) + bytes(8)),
        "publish of nothing with a flag of 2": wire.frame(wire.PUBLISH, 9, b"\x02\0\0"),
        "publish of 33 one-time keys": wire.frame(wire.PUBLISH, 9, b"\0\0\x21" + bytes(33 * wire.ONE_TIME_BYTES)),
        "publish truncated": wire.frame(wire.PUBLISH, 9, b"\0\x01" + bytes(100)),
        "renewal without one-time keys": wire.frame(RENEW, 9, bytes(CERT + wire.SET_BYTES) + b"\0"),
        "renewal of 33 one-time keys": wire.frame(RENEW, 9, bytes(CERT + wire.SET_BYTES) + b"\x21"
                                                  + bytes(33 * wire.ONE_TIME_BYTES)),
        "renewal truncated": wire.frame(RENEW, 9, bytes(CERT + wire.SET_BYTES) + b"\x02" + bytes(wire.ONE_TIME_BYTES)),
        "pattern of 33 bytes": wire.frame(wire.LIST_USERS, 9, wire.string("a" * 33) + b"\0"),
        "pattern of bad UTF-8": wire.frame(wire.LIST_USERS, 9, wire.string(b"\xff\xfe") + b"\0"),
        "bundle of a name with a NUL": wire.frame(wire.GET_BUNDLE, 9, wire.string(b"le\0ft")),
        "bundle of no name": wire.frame(wire.GET_BUNDLE, 9, b""),
    }


@pytest.mark.parametrize("fault", list(after_login()))
def test_after_login(server, neighbours, forge, fault):
    eve = Member(forge, server, "eve")
    eve.stream.write(after_login()[fault])
    frames = eve.stream.frames_to_the_end()
    while frames and frames[0][0] == CAUGHT_UP:
        frames.pop(0)
    assert [kind for kind, _, _ in frames] == [ERROR], frames
    assert wire.read_error(frames[0][2])["code"] == "protocol_error" and frames[0][1] == 0
    neighbours()
    eve.login()


def test_a_prekey_set_that_somebody_else_signed_is_refused_and_the_old_one_stays(server, forge):
    eve, bob = Member(forge, server, "eve"), Member(forge, server, "bob")
    other = wire.Identity(forge, "eve")
    for body in (wire.publish(other.prekey_set()), wire.publish(other.prekey_set(cid=eve.identity.cid)),
                 wire.publish(None, [other.one_time()]), wire.publish(bytes(wire.SET_BYTES))):
        kind, said = eve.ask(wire.PUBLISH, body)
        assert kind == ERROR and wire.read_error(said)["code"] in ("certificate_refused", "protocol_error")
        if eve.stream.rest == b"" and wire.read_error(said)["code"] == "protocol_error":
            eve.login()
    kind, bundle = bob.ask(wire.GET_BUNDLE, wire.string("eve"))
    assert kind == wire.BUNDLE and bundle[:CERT] == eve.identity.certificate


def unit(identity, set_id=7, count=2, **parts):
    """The renewal unit of an identity; `parts` replace some of it."""
    return wire.renew(parts.get("certificate", identity.certificate),
                      parts.get("prekey_set") or identity.prekey_set(set_id=set_id),
                      parts.get("one_time") or [identity.one_time() for _ in range(count)])


def test_renewals_that_are_not_the_devices_own_change_nothing(server, forge):
    eve, bob = Member(forge, server, "eve"), Member(forge, server, "bob")
    renewed = eve.identity.renewed()
    forged = renewed.certificate[:-1] + bytes([renewed.certificate[-1] ^ 1])
    other_key = wire.Identity(forge, "eve", epoch=2)
    other_name = wire.Identity(forge, "eva", account=eve.identity.account, epoch=2)
    for body in (unit(renewed, certificate=forged), unit(other_key), unit(other_name),
                 unit(wire.Identity(forge, "eve", account=eve.identity.account, epoch=1)),
                 unit(renewed, prekey_set=eve.identity.prekey_set()),
                 unit(renewed, one_time=[renewed.one_time(), eve.identity.one_time()])):
        kind, said = eve.ask(RENEW, body)
        assert kind == ERROR and wire.read_error(said)["code"] == "certificate_refused"
    kind, bundle = bob.ask(wire.GET_BUNDLE, wire.string("eve"))
    assert kind == wire.BUNDLE and bundle[:CERT] == eve.identity.certificate
    assert eve.ask(RENEW, unit(renewed))[0] == DONE
    kind, bundle = bob.ask(wire.GET_BUNDLE, wire.string("eve"))
    assert kind == wire.BUNDLE and bundle[:CERT] == renewed.certificate and renewed.cid in bundle[CERT:]
    assert eve.identity.cid not in bundle


def test_a_renewal_cut_off_by_a_crash_is_there_whole_or_not_at_all(server, forge):
    eve = Member(forge, server, "eve")
    renewed = eve.identity.renewed()
    eve.say(RENEW, unit(renewed, count=32))
    server.kill()
    server.start()
    stream = wire.connect(server)
    stream.write(wire.frame(wire.LOGIN, 1, renewed.login(stream.exporter)))
    kind, _, body = stream.frame()
    if kind == WELCOME:
        said = wire.read_welcome(body)
        assert (said["set_id"], said["one_time_left"]) == (7, 32)
        return
    assert wire.read_error(body)["code"] == "login_refused"
    stream.write(wire.frame(wire.LOGIN, 2, eve.identity.login(stream.exporter)))
    said = wire.read_welcome(stream.frame()[2])
    assert (said["set_id"], said["one_time_left"]) == (1, 4)
    stream.write(wire.frame(RENEW, 3, unit(renewed, count=32)))
    assert stream.frame()[:2] == (DONE, 3)


def register(stream, identity, request=1, token=None):
    stream.write(wire.frame(wire.REGISTER, request, identity.login(stream.exporter)
                            + (b"\0" if token is None else b"\x01" + token) + identity.certificate))
    kind, answered, body = stream.frame()
    assert answered == request
    return kind, body


def test_a_restored_account_registers_again_and_may_only_renew(server, forge):
    eve = Member(forge, server, "eve")
    for body in (wire.frame(PING, 2), wire.frame(FETCH, 2, b"\0\x04"), wire.frame(wire.PUBLISH, 2, b"\0\0\0")):
        stream = wire.connect(server)
        kind, said = register(stream, eve.identity.renewed())
        assert kind == WELCOME and wire.read_welcome(said)["is_renewal"]
        stream.write(body)
        refused_and_closed(stream)
    stream, renewed = wire.connect(server), eve.identity.renewed()
    assert register(stream, renewed)[0] == WELCOME
    stream.write(wire.frame(RENEW, 2, unit(eve.identity.renewed())))
    refused_and_closed(stream, "certificate_refused")
    assert eve.ask(PING)[0] == DONE, "the device that was in is in"
    stream = wire.connect(server)
    assert register(stream, renewed)[0] == WELCOME
    stream.write(wire.frame(RENEW, 2, unit(renewed)))
    assert stream.frame()[:2] == (DONE, 2)
    refused_and_closed(eve.stream, "signed_in_elsewhere")
    stream = wire.connect(server)
    kind, body = register(stream, eve.identity)
    assert kind == wire.CERTIFICATE and body == renewed.certificate
    kind, body = register(stream, eve.identity.renewed(3), 2)
    assert kind == WELCOME and wire.read_welcome(body)["is_renewal"]


def test_a_third_registration_ends_the_connection(server, forge):
    eve = Member(forge, server, "eve")
    older = wire.Identity(forge, "eve", account=eve.identity.account, epoch=1)
    stream = wire.connect(server)
    for request in (1, 2):
        assert register(stream, older, request)[0] == wire.CERTIFICATE
    stream.write(wire.frame(wire.REGISTER, 3, older.login(stream.exporter) + b"\0" + older.certificate))
    refused_and_closed(stream)
    assert eve.ask(PING)[0] == DONE


def test_an_initial_in_the_name_of_another_is_refused(server, forge):
    eve, bob, carol = (Member(forge, server, name) for name in ("eve", "bob", "carol"))
    kind, bundle = eve.ask(wire.GET_BUNDLE, wire.string("bob"))
    envelope = carol.identity.initial("bob", bundle, "I am carol")[0]
    kind, said = eve.ask(SEND, wire.send("bob", envelope))
    assert kind == ERROR, said
    assert carol.ask(SEND, wire.send("bob", envelope))[0] == ACCEPTED


def test_one_time_prekeys_are_handed_out_once_and_at_most_four_to_one_asker(server, forge):
    bob, eve, carol = (Member(forge, server, name) for name in ("bob", "eve", "carol"))
    one_time = [bob.identity.one_time() for _ in range(8)]
    assert bob.ask(wire.PUBLISH, wire.publish(None, one_time, replace=True))[0] == DONE
    bundles = [eve.ask(wire.GET_BUNDLE, wire.string("bob"))[1] for _ in range(6)]
    assert [len(one) for one in bundles] == [9579] * 4 + [8253] * 2
    bundles += [carol.ask(wire.GET_BUNDLE, wire.string("bob"))[1] for _ in range(5)]
    seen = [one[8253:] for one in bundles if len(one) == 9579]
    assert len(seen) == len(set(seen)) == 8 and set(seen) == set(one_time)
    assert seen[:4] != one_time[:4] or seen[4:] != one_time[4:], "in random order"


def test_an_envelope_sent_again_is_queued_once_and_with_other_bytes_it_is_a_conflict(server, forge):
    ana, bob = Member(forge, server, "ana"), Member(forge, server, "bob")
    envelope, number = wire.compact_junk(), os.urandom(16)
    for _ in range(3):
        assert ana.ask(SEND, wire.send("bob", envelope, number))[0] == ACCEPTED
    kind, said = ana.ask(SEND, wire.send("bob", wire.compact_junk(), number))
    assert kind == ERROR and wire.read_error(said)["code"] == "envelope_conflict"
    assert bob.login()["waiting"] == 1
    bob.say(FETCH, b"\0\x10")
    kind, _, body = bob.stream.frame()
    assert kind == DELIVER and wire.read_deliver(body)["envelope"] == envelope
    assert bob.stream.frame()[0] == CAUGHT_UP
    bob.say(ACK, wire.ack(wire.read_deliver(body)["handle"]))
    assert bob.ask(PING)[0] == DONE
    assert ana.ask(SEND, wire.send("bob", envelope, number))[0] == ACCEPTED, "also after it left the queue"
    assert bob.ask(PING)[0] == DONE, "and it does not come again"


def test_handles_of_another_connection_acknowledge_nothing(server, forge):
    ana, bob = Member(forge, server, "ana"), Member(forge, server, "bob")
    for _ in range(2):
        ana.ask(SEND, wire.send("bob", wire.compact_junk()))
    bob.login()
    bob.say(FETCH, b"\0\x10")
    handles = [wire.read_deliver(bob.stream.frame()[2])["handle"] for _ in range(2)]
    bob.login()
    bob.say(ACK, wire.ack(*handles, 0, 2 ** 64 - 1))
    bob.say(FETCH, b"\0\x10")
    again = [wire.read_deliver(bob.stream.frame()[2])["handle"] for _ in range(2)]
    ana.say(ACK, wire.ack(*again))
    assert ana.ask(PING)[0] == DONE
    assert bob.login()["waiting"] == 2


def test_a_second_login_fences_the_first(server, forge):
    bob = Member(forge, server, "bob")
    first = bob.stream
    bob.login()
    frames = first.frames_to_the_end()
    assert [wire.read_error(body)["code"] for kind, _, body in frames if kind == ERROR] == ["signed_in_elsewhere"]
    assert bob.ask(PING)[0] == DONE


def test_mailbox_bound_and_the_order_after_a_refusal(server, forge):
    """Of pipelined messages to nobody the first refusal takes the later ones with it; others go through."""
    ana, bob = Member(forge, server, "ana"), Member(forge, server, "bob")
    ana.stream.write(b"".join(
        wire.frame(SEND, 10 + i, wire.send(to, wire.compact_junk()))
        for i, to in enumerate(["nobody", "nobody", "bob", "nobody"])))
    answers = {request: (kind, body) for kind, request, body in (ana.stream.frame() for _ in range(4))}
    codes = [wire.read_error(answers[n][1])["code"] if answers[n][0] == ERROR else "accepted" for n in range(10, 14)]
    assert codes[2] == "accepted" and codes[0] == "no_such_user", codes
    assert {codes[1], codes[3]} <= {"no_such_user", "earlier_refused"}, codes
    assert bob.login()["waiting"] == 1


# --- slow, silent, many ----------------------------------------------------------------------------------------

@pytest.mark.lasting
def test_login_has_ten_seconds(server, neighbours):
    silent, slow = wire.connect(server), wire.connect(server)
    half = wire.connect(server)
    half.write(wire.frame(wire.LOGIN, 1, b"\x01\x20" + bytes(96))[:50])
    began = time.monotonic()
    login = wire.frame(wire.LOGIN, 1, b"\x01\x20" + bytes(96))
    for at in range(30):
        try:
            slow.write(login[at:at + 1])
        except wire.Closed:
            break
        time.sleep(0.3)
        if at % 10 == 0:
            neighbours()
    for stream in (silent, half, slow):
        frames = stream.frames_to_the_end(15)
        assert [wire.read_error(body)["code"] for _, _, body in frames] == ["login_timeout"], frames
    assert 7 < time.monotonic() - began < 16
    neighbours()


@pytest.mark.lasting
def test_a_connection_that_never_speaks_tls_is_closed(server, neighbours):
    with socket.create_connection(("127.0.0.1", server.port)) as raw, \
            socket.create_connection(("127.0.0.1", server.port)) as junk:
        junk.sendall(b"GET / HTTP/1.0\r\n\r\n")
        for end in (raw, junk):
            end.settimeout(16)
            try:
                while end.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    neighbours()


def test_memory_before_login_is_bounded(server, neighbours, figures):
    """Silent connections after TLS, from several addresses: at most 64 KiB of growth each."""
    count = reduced(200, 40)
    before = server.rss_kib()
    streams = [wire.connect(server, source=f"127.0.0.{2 + i % 8}") for i in range(count)]
    for stream in streams:
        stream.write(b"\0\0\x1b")
    neighbours()
    each = (server.rss_kib() - before) / count
    figures(f"{count} silent connections, {each:.1f} KiB each")
    assert each <= reduced(64, 1000)
    for stream in streams:
        stream.close()
    neighbours()


def test_connections_before_login_from_one_address_are_bounded(server, neighbours):
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(80)]
    time.sleep(0.5)
    closed = 0
    for one in held:
        one.setblocking(False)
        try:
            closed += one.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionResetError:
            closed += 1
    assert closed >= 10, "64 connections an address before login"
    neighbours()
    for one in held:
        one.close()


def test_a_client_that_does_not_read_is_dropped_and_delays_nobody(server, neighbours, forge):
    eve = Member(forge, server, "eve")
    try:
        for _ in range(400):
            for _ in range(100):
                eve.say(wire.GET_CERTIFICATE, wire.string("left"))
            if eve.request % 1000 == 0:
                neighbours()
    except wire.Closed:
        pass
    neighbours()
    assert server.is_running()


def test_a_thousand_malformed_frames_and_an_honest_neighbour(server, neighbours, forge, figures):
    import random
    seed = int(os.environ.get("SOTTO_SEED", "1"))
    chance = random.Random(seed)
    good = [wire.frame(PING, 1), wire.frame(wire.LOGIN, 1, b"\x01\x20" + bytes(96)),
            wire.frame(SEND, 1, wire.send("left", wire.compact_junk())), wire.frame(FETCH, 1, b"\0\x04"),
            wire.frame(wire.LIST_USERS, 1, wire.string("a") + wire.string(""))]
    count, ended = reduced(120, 30), 0
    for round_ in range(count):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        stream = wire.connect(server)
        try:
            stream.write(bytes(data) + bytes(8000))  # whatever length it states is there
            frames = stream.frames_to_the_end(15)
            assert all(kind == ERROR for kind, _, _ in frames), (seed, round_, bytes(data))
        except wire.Closed:
            pass
        ended += 1
        if round_ % 20 == 0:
            neighbours()
    figures(f"{ended} malformed connections, seed {seed}")
    neighbours()
