# SPDX-License-Identifier: ISC
"""Lies about the connection: another key, another version, answers to something else, a login used twice, a clock, a
database put back."""
import os
import struct
import subprocess
import time

import pytest

import sottotest
import wire
from fake import CLOSE, FakeServer, Letter, raw
from hostile import alarm, row, shown
from sottotest import Proxy, Server, program

DAY = wire.DAY_MS


def joined_through_proxy(stage):
    """Ana, whose connections pass a proxy that can be pointed elsewhere."""
    proxy = Proxy(stage.fake.port)
    ana = sottotest.Client(stage.folder, "ana")
    ana.join(wire.link("127.0.0.1", proxy.port, stage.fake.acceptor.spki_hash))
    return ana, proxy


# --- TLS -------------------------------------------------------------------------------------------------------

@row("TLS interception with a CA certificate", "no_tls_pin")
def another_tls_key(stage):
    """Somebody with another key, whoever certified it, takes over the address: nothing is said to them."""
    other = FakeServer(stage.folder / "other", stage.forge)
    ana, proxy = joined_through_proxy(stage)
    stage.forged()
    proxy.target = ("127.0.0.1", other.port)
    stage.lie()
    said = ana.send("bob", "hello", expect=None)
    assert other.requests == [], "the client spoke to another key"
    alarm(said, "server_key_changed", 4)


@row("Stripping PQ fields (downgrade)", why="version, group and protocol name are settings of OpenSSL on both ends, one value each")
def other_versions(stage):
    """The server's true key with TLS 1.2, a classical group, another protocol name, or none."""
    ana, proxy = joined_through_proxy(stage)
    stage.forged()
    stage.lie()
    for options in (("--tls12",), ("--group", "X25519"), ("--alpn", "sotto-wire/2"), ("--alpn", "http/1.1"),
                    ("--alpn", "")):
        path = f"/tmp/sotto-none-{os.getpid()}"
        process = sottotest.start([program("tlspipe"), "accept", *options, "0", stage.folder / "fake" / "fake.pem", path],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = process.stdout.readline()
        proxy.target = ("127.0.0.1", int(line.split(b'"port":')[1].split(b",")[0]))
        said = ana.send("bob", "hello", expect=None)
        assert said.exit in (1, 5, 11) and said.code in ("no_common_version", "connection_lost"), (options, said)
        assert stage.to("bob") == []
    proxy.target = ("127.0.0.1", stage.fake.port)
    ana.send("bob", "hello")
    assert len(stage.to("bob")) == 1


@row("Server login replay", "no_exporter")
def login_on_another_connection(stage):
    """The proof that a device gave on one connection is refused on the next."""
    server = Server(stage.folder / "true")
    server.start()
    carol = wire.Identity(wire.Forge(), "carol")  # weakened like the server, when it is
    first = wire.connect(server)
    proof = carol.login(first.exporter)
    first.write(wire.frame(wire.REGISTER, 1, proof + b"\x01" + wire.token(server.invite()) + carol.certificate))
    assert first.frame()[0] == wire.WELCOME
    stage.lie()
    for kind, more in ((wire.LOGIN, b""), (wire.REGISTER, b"\x00" + carol.certificate)):
        second = wire.connect(server)
        second.write(wire.frame(kind, 1, proof + more))
        kind, _, body = second.frame()
        assert kind == wire.ERROR, "a proof was taken twice"
        assert wire.read_error(body)["code"] in ("login_refused", "certificate_refused"), wire.read_error(body)


# --- answers ---------------------------------------------------------------------------------------------------

@row("Server answers for somebody else", "no_welcome_name")
def welcome_for_somebody_else(stage):
    """The login is answered, rightly formed, for Eve."""
    ana = stage.person()
    stage.forged()
    stage.lie()
    stage.fake.answers[wire.LOGIN] = raw(wire.frame(wire.WELCOME, 1, wire.welcome("eve")))
    alarm(ana.send("bob", "hello", expect=None), "protocol_error", 1)
    assert stage.to("bob") == []


def nonsense(good_kind, good_body):
    """Answers to one request that are none, as functions of its number."""
    return {
        "another type": lambda n: wire.frame(wire.USERS, n, wire.users([])),
        "type of a client": lambda n: wire.frame(wire.LOGIN, n, bytes(98)),
        "unknown type": lambda n: wire.frame(0x77, n),
        "number of no request": lambda n: wire.frame(good_kind, n + 7, good_body),
        "number of an earlier request": lambda n: wire.frame(good_kind, n - 1, good_body),
        "trailing byte": lambda n: wire.frame(good_kind, n, good_body + b"x"),
        "empty frame": lambda n: bytes(4),
        "frame of 4 GiB": lambda n: b"\xff\xff\xff\xff\x81" + bytes(200),
        "random bytes": lambda n: os.urandom(4096),
        "nothing": lambda n: b"",
    }


@row("Answers that are none", why="parsers and the table of types refuse them; tests/unit/wire_test.c has each")
def answers_out_of_place(stage):
    """Nonsense in answer to the login, to a request for keys and to a message: an error, and all in place afterwards."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    for kind, good_kind, good in ((wire.LOGIN, wire.WELCOME, wire.welcome("ana")), (wire.GET_BUNDLE, wire.BUNDLE, bob.bundle()),
                                  (wire.SEND, wire.ACCEPTED, b"")):
        for name, answer in nonsense(good_kind, good).items():
            stage.fake.answers[kind] = lambda _, n, __, answer=answer: [answer(n)] if answer(n) else CLOSE
            said = ana.send("bob", "hello", expect=None, timeout=15)
            assert said.exit in (1, 4, 5), (name, said)
            assert set(said.codes) & {"protocol_error", "connection_lost", "bundle_invalid", "send_unknown"}, (name, said)
            if kind != wire.SEND:
                assert stage.to("bob") == []
        del stage.fake.answers[kind]
    ana.send("bob", "last")
    assert stage.to("bob")


@row("Answers that are none", why="every count is judged before it is used; tests/unit/wire_test.c has each")
def huge_counts(stage):
    """Counts, lengths and windows at the ends of their range, in lists, deliveries and logins."""
    ana = stage.person()
    stage.lie()
    for listing in (b"\xff\xff", b"\x00\xc9" + bytes(50), b"\x00\x02" + b"\xff" * 300):
        stage.fake.answers[wire.LIST_USERS] = lambda _, n, __, listing=listing: [wire.frame(wire.USERS, n, listing)]
        alarm(ana.run("users", expect=None), "protocol_error", 1)
    head = struct.pack(">Q", 1) + wire.string("bob") + bytes(16) + struct.pack(">Q", 1)
    for size in (0, 1, 341, 76253, 0x7FFFFFFF, 0xFFFFFFFF):
        body = head + struct.pack(">I", size) + bytes(min(size, 70000))
        stage.fake.answers[wire.FETCH] = raw(wire.frame(wire.DELIVER, 0, body) + wire.frame(wire.CAUGHT_UP, 0))
        alarm(ana.run("recv", expect=None), "protocol_error", 1)
    del stage.fake.answers[wire.FETCH]
    for fields in ({"left": 65535}, {"waiting": 0xFFFFFFFF}, {"window": 65535}, {"set_id": 0xFFFFFFFF}):
        stage.fake.welcome_fields = fields
        said = ana.run("recv", expect=None)
        assert said.exit in (0, 1, 3), repr(said)
    stage.fake.welcome_fields = {}
    assert shown(ana) == []


@row("Answers that are none", why="the parser refuses a time that no store takes; tests/unit/wire_test.c has each")
def times_at_the_ends_of_their_range(stage):
    """Times from 0 to 2^64 - 1 in logins, lists and deliveries of every fate: the text, or an error, and no crash."""
    ana, bob = stage.conversation()
    times = (0, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1)
    letters = stage.held(bob, ana, *map(str, times))
    people = [stage.forged(f"p{number}") for number in range(len(times))]
    stage.lie()
    for moment, letter, person in zip(times, letters, people):
        flight = person.initial("ana", stage.fake.bundle_of("ana"), "first")[0]

        def lies(said, moment=moment):
            assert moment < 2 ** 63 or alarm(said, "protocol_error", 1)

        stage.fake.mail = [("bob", letter.envelope, None, moment), (person.name, flight, None, moment)]
        lies(ana.run("recv", "--json", expect=None))
        stage.fake.mail = [("bob", letter.envelope), (person.name, flight)]
        ana.run("recv", expect=(0, 3))
        ana.store_sql(f"DELETE FROM session WHERE peer='{person.name}'")
        stage.fake.mail = [(person.name, flight, None, moment)]  # its session has only a tombstone now
        lies(ana.run("recv", "--json", expect=None))
        stage.fake.mail = []
        stage.fake.welcome_fields = {"time_ms": moment, "next_key": bytes(31) + b"\1", "next_key_ms": moment}
        lies(ana.run("recv", expect=None))
        stage.fake.welcome_fields = {}
        listing = struct.pack(">H", 1) + wire.string("bob") + struct.pack(">QBB", moment, 0, 0)
        stage.fake.answers[wire.LIST_USERS] = lambda _, n, __, listing=listing: [wire.frame(wire.USERS, n, listing)]
        lies(ana.run("users", expect=None))


# --- time and state --------------------------------------------------------------------------------------------

@row("Clock of the server", "no_clock_rule")
def clock_two_days_off(stage):
    """A server whose clock is two days off gets no request for keys and nothing signed: `clock_skew`."""
    ana = stage.person()
    stage.forged()
    before = len(stage.fake.requests)
    stage.lie()
    for skew in (-2 * DAY, 2 * DAY):
        stage.fake.welcome_fields = {"time_ms": int(time.time() * 1000) + skew, "left": 0, "set_id": 0}
        said = ana.send("bob", "hello", expect=None)
        kinds = {kind for kind, _, _ in stage.fake.requests[before:]}
        assert not kinds & {wire.GET_BUNDLE, wire.PUBLISH, wire.SEND, wire.RENEW}, f"asked {kinds}: {said!r}"
        alarm(said, "clock_skew", 1)


@row("Rollback of the server's database", why="used keys, tombstones and message ids each refuse what comes again; the last two "
     "have rows of their own")
def queue_put_back(stage):
    """Everything that was delivered and acknowledged is delivered again, at every login under a new store epoch."""
    ana, bob = stage.conversation()
    letters = stage.held(bob, ana, "one", "two", "three")
    stage.fake.forgets = False
    for letter in letters:
        stage.fake.post(letter)
    assert shown(ana) == [("bob", "one"), ("bob", "two"), ("bob", "three")]
    stage.lie()
    for number in range(3):
        stage.fake.welcome_fields["epoch"] = bytes([0x33 + number]) * 16
        assert shown(ana) == []
    stage.fake.forgets = True
    bob.send("ana", "four")
    assert shown(ana) == [("bob", "four")]


@row("Rollback of the server's database", why="a new store epoch is a fact and not a check")
def store_epoch_changes_for_ever(stage):
    """A new store epoch at each login: each time a new set and 32 keys, and the conversation goes on."""
    ana, bob = stage.conversation()
    stage.lie()
    seen = set()
    for number in range(4):
        stage.fake.welcome_fields["epoch"] = bytes([0x44 + number]) * 16
        bob.send("ana", f"t{number}")
        assert shown(ana) == [("bob", f"t{number}")]
        kept = stage.fake.published["ana"]
        assert len(kept["one_time"]) == 32 and kept["set"][34:38] not in seen
        seen.add(kept["set"][34:38])


@row("Renewal answered with nonsense", why="the old certificate counts until the server has taken the new one; that is no check")
def renewal_answered_with_nonsense(stage):
    """61 days on the device renews; the answers are none, or none come. It stays reachable, and renews when it can."""
    if sottotest.REDUCED:
        pytest.skip("SKIPPED: a preloaded library does not go with the sanitizers")
    ana = stage.person()
    ahead = {"LD_PRELOAD": program("later.so"), "LATER_S": 61 * 86400}
    now_ms = int(time.time() * 1000) + 61 * DAY
    stage.fake.welcome_fields["time_ms"] = now_ms
    before = stage.fake.certificate_of("ana")
    stage.lie()
    for name, answer in nonsense(wire.DONE, b"").items():
        stage.fake.answers[wire.RENEW] = lambda _, n, __, answer=answer: [answer(n)] if answer(n) else CLOSE
        said = ana.run("recv", expect=None, timeout=15, **ahead)
        assert said.exit in (0, 1, 3, 5), (name, said)
    assert any(kind == wire.RENEW for kind, _, _ in stage.fake.requests), "the device does not renew"
    del stage.fake.answers[wire.RENEW]
    ana.run("recv", expect=(0, 3), **ahead)
    ana.run("recv", expect=(0, 3), **ahead)
    assert stage.fake.certificate_of("ana") != before, "never renewed"
    carol = stage.forged("carol", now_ms=now_ms)
    made = stage.forge("initial", device=carol.device, certificate=carol.certificate, bundle=stage.fake.bundle_of("ana"),
                       name="ana", now_ms=now_ms, bodies=[wire.text_body("after the renewal", sent_ms=now_ms)])
    stage.fake.post(Letter("carol", "ana", bytes.fromhex(made["envelopes"][0]["envelope"])))
    said = ana.run("recv", "--json", expect=(0, 3), **ahead)
    assert [one["text"] for one in said.objects("message")] == ["after the renewal"], repr(said)


# --- the server against members --------------------------------------------------------------------------------

@row("Prekey exhaustion (Prekey Pogo)", "no_handout_limit")
def member_who_asks_for_every_key(stage):
    """The fifth bundle of a device within a day has no one-time key; another member still gets one."""
    server = Server(stage.folder / "true")
    server.start()
    forge = stage.forge
    bob = wire.Member(forge, server, "bob")
    assert bob.ask(wire.PUBLISH, wire.publish(None, [bob.identity.one_time() for _ in range(8)]))[0] == wire.DONE
    bob.stream.close()
    eve, carol = wire.Member(forge, server, "eve"), wire.Member(forge, server, "carol")
    stage.lie()
    sizes = [len(eve.ask(wire.GET_BUNDLE, wire.string("bob"))[1]) for _ in range(5)]
    assert sizes == [9579] * 4 + [8253], f"bundles of {sizes} bytes"
    assert len(carol.ask(wire.GET_BUNDLE, wire.string("bob"))[1]) == 9579


@row("A flood from one sender", "no_bucket")
def flood_of_one_sender(stage):
    """A member who sends without end is refused at a bucket of its own; another one's message still passes."""
    server = Server(stage.folder / "true")
    server.start()
    forge = stage.forge
    bob = wire.Member(forge, server, "bob")
    eve, carol = wire.Member(forge, server, "eve"), wire.Member(forge, server, "carol")
    stage.lie()
    junk, refused, total = wire.compact_junk(), None, 2600
    eve.stream.plain.settimeout(30)
    for at in range(0, total, 200):
        for _ in range(200):
            eve.say(wire.SEND, wire.send("bob", junk))
        answers = [eve.stream.frame() for _ in range(200)]
        refused = next((wire.read_error(body)["code"] for kind, _, body in answers if kind == wire.ERROR), None)
        if refused:
            break
    assert refused == "rate_limited", f"{total} messages of one sender were taken"
    kind, _ = carol.ask(wire.SEND, wire.send("bob", junk))
    assert kind == wire.ACCEPTED
    bob.stream.close()
