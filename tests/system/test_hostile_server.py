# SPDX-License-Identifier: ISC
"""A server that lies: real clients end with the right status, lose nothing, and never crash."""
import os
import time

import pytest

import wire
from fake import CLOSE, FakeServer, hang_up, raw, refuse, say_nothing
from sottotest import Client, Proxy, Server, wait_until
from test_errors import check

NOW = int(time.time() * 1000)
DAY = wire.DAY_MS


@pytest.fixture
def fake(tmp_path, forge):
    return FakeServer(tmp_path, forge)


@pytest.fixture
def bob(fake, forge):
    """A person who exists only on the fake server."""
    person = wire.Identity(forge, "bob")
    fake.people["bob"] = person.bundle
    return person


@pytest.fixture
def ana(tmp_path, fake):
    client = Client(tmp_path, "ana")
    client.join(fake.link())
    return client


# --- the fake is a good one: an honest conversation works through it -------------------------------------------

def test_the_fake_server_is_taken_for_an_honest_one(fake, ana, bob):
    ana.send("bob", "hello through the fake")
    body = bob.accept(fake.sent[0]["envelope"])
    assert body[0] == 1 and body[25:] == b"hello through the fake"

    carol = wire.Identity(fake.forge, "carol")
    fake.mail = [("carol", one) for one in carol.initial("ana", fake.bundle_of("ana"), "one", "two")]
    assert ana.texts() == ["one", "two"]
    wait_until(lambda: sorted(fake.acked) == [1, 2], what="both acknowledged")


# --- refusals that an honest server gives for reasons of its own -----------------------------------------------

@pytest.mark.parametrize("code, status", [
    ("rate_limited", 8), ("mailbox_full", 8), ("server_disk_full", 8), ("earlier_refused", 8),
    ("envelope_conflict", 8), ("no_such_user", 7)])
def test_a_refused_message_is_said_to_be_refused(fake, ana, bob, code, status):
    fake.answers[wire.SEND] = refuse(code, 40 if code == "rate_limited" else 0)
    said = check(ana.send("bob", "hi", expect=status), code)
    if code == "rate_limited":
        assert "40 seconds" in said.err
        json_said = ana.send("bob", "hi", "--json", expect=status)
        assert '"retry_after_s":40' in json_said.err.replace(" ", "")


@pytest.mark.parametrize("code, status", [
    ("login_timeout", 5), ("shutting_down", 5), ("login_refused", 6), ("server_full", 8), ("signed_in_elsewhere", 6)])
def test_a_refused_login(fake, ana, bob, code, status):
    fake.answers[wire.LOGIN] = refuse(code)
    check(ana.send("bob", "hi", expect=status), code)
    del fake.answers[wire.LOGIN]
    assert fake.sent == []


@pytest.mark.parametrize("code", ["certificate_refused", "name_taken", "invite_used", "invite_expired", "invite_unknown",
                                  "registration_closed", "server_full"])
def test_a_refused_registration(tmp_path, fake, code):
    fake.answers[wire.REGISTER] = refuse(code, detail="a reason")
    carol = Client(tmp_path, "carol")
    link = fake.link()
    check(carol.join(link, 8), code)
    del fake.answers[wire.REGISTER]
    carol.join(link)


# --- connections that break ------------------------------------------------------------------------------------

def test_send_unknown_offers_the_same_bytes_again(fake, ana, bob):
    offered = []

    def keep_and_hang_up(_, __, body):
        offered.append(wire.read_send(body))
        return CLOSE

    fake.answers[wire.SEND] = keep_and_hang_up
    check(ana.send("bob", "did it arrive?", "--id", "k1", expect=5), "send_unknown")
    del fake.answers[wire.SEND]
    ana.send("bob", "did it arrive?", "--id", "k1")
    assert len(offered) == 1 and [one["id"] for one in fake.sent] == [offered[0]["id"]]
    assert fake.sent[0]["envelope"] == offered[0]["envelope"], "never a new encryption"


def test_send_unknown_is_offered_by_every_later_command(fake, ana, bob):
    fake.answers[wire.SEND] = hang_up
    check(ana.send("bob", "hi", expect=5), "send_unknown")
    del fake.answers[wire.SEND]
    ana.run("recv")
    assert len(fake.sent) == 1
    ana.run("recv")
    assert len(fake.sent) == 1


@pytest.mark.parametrize("when", [wire.LOGIN, wire.GET_BUNDLE])
def test_a_connection_lost_before_the_send_leaves_nothing_behind(fake, ana, bob, when):
    fake.answers[when] = hang_up
    check(ana.send("bob", "hi", expect=5), "connection_lost")
    del fake.answers[when]
    ana.run("recv")
    assert fake.sent == []


def test_a_server_that_never_answers_is_left_after_the_timeout(fake, ana, bob):
    fake.answers[wire.SEND] = say_nothing
    said = check(ana.send("bob", "hi", "--timeout", "1s", expect=5), "send_unknown")
    assert said.seconds < 10


# --- versions and keys of TLS ----------------------------------------------------------------------------------

def test_no_common_version(tmp_path, forge):
    fake = FakeServer(tmp_path, forge, alpn="sotto-wire/9")
    check(Client(tmp_path, "ana").join(fake.link(), 11), "no_common_version")


def test_another_tls_key(tmp_path, forge, fake, bob):
    """Someone takes over the address with a key of their own: nothing is said to them."""
    other, proxy = FakeServer(tmp_path / "other", forge), Proxy(fake.port)
    ana = Client(tmp_path, "ana")
    ana.join(wire.link("127.0.0.1", proxy.port, fake.acceptor.spki_hash))
    proxy.target = ("127.0.0.1", other.port)
    check(ana.send("bob", "hi", expect=4), "server_key_changed")
    assert other.requests == [] and fake.sent == []
    proxy.target = ("127.0.0.1", fake.port)
    ana.send("bob", "hi")


# --- bundles that do not hold together -------------------------------------------------------------------------

def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def mixed(forge, name):
    """Parts of an honest 'bob' and of others, put together wrongly."""
    bob, eve = wire.Identity(forge, "bob"), wire.Identity(forge, "eve")
    good = bob.bundle()
    certificate, prekey_set, one_time = good[:6919], good[6919:6919 + 1334], good[6919 + 1334:]
    return {
        "of another user": eve.bundle(),
        "set of another user": certificate + eve.prekey_set() + one_time,
        "one-time key of another user": certificate + prekey_set + eve.one_time(),
        "set that names another certificate": certificate + bob.prekey_set(cid=eve.cid) + one_time,
        "one-time key that names another certificate": certificate + prekey_set + bob.one_time(cid=eve.cid),
        "set where the one-time key belongs": certificate + one_time + prekey_set,
        "name changed after signing": certificate[:26] + b"bob2" + certificate[30:] + prekey_set + one_time,
        "flipped bit in the certificate": flip(certificate, 2100) + prekey_set + one_time,
        "flipped bit in the Ed25519 signature": flip(certificate, 3550) + prekey_set + one_time,
        "flipped bit in the ML-DSA signature": flip(certificate, 6900) + prekey_set + one_time,
        "flipped bit in the set": certificate + flip(prekey_set, 100) + one_time,
        "flipped bit in the one-time key": certificate + prekey_set + flip(one_time, 1300),
        "device 2": wire.Identity(forge, "bob", fields={"device_id": 2}).bundle(),
        "epoch 0": wire.Identity(forge, "bob", fields={"epoch": 0, "sign": True}).certificate + prekey_set + one_time,
        "even modulus": wire.Identity(forge, "bob", fields={"rsa": b"\xff" * 255 + b"\xfe"}).bundle(),
        "short modulus": wire.Identity(forge, "bob", fields={"rsa": b"\x00" + b"\xff" * 255}).bundle(),
        "ML-KEM key out of range": wire.Identity(forge, "bob", fields={"kem": b"\xff" * 1184}).bundle(),
        "lifetime of a year": wire.Identity(forge, "bob", fields={"expires_ms": NOW + 365 * DAY}).bundle(),
        "prekey lifetime of a year": certificate + bob.prekey_set(fields={"expires_ms": NOW + 365 * DAY}) + one_time,
        "suite 2": b"\x02" + good[1:],
    }[name]


@pytest.mark.parametrize("fault", [
    "of another user", "set of another user", "one-time key of another user", "set that names another certificate",
    "one-time key that names another certificate", "set where the one-time key belongs", "name changed after signing",
    "flipped bit in the certificate", "flipped bit in the Ed25519 signature", "flipped bit in the ML-DSA signature",
    "flipped bit in the set", "flipped bit in the one-time key", "device 2", "epoch 0", "even modulus", "short modulus",
    "ML-KEM key out of range", "lifetime of a year", "prekey lifetime of a year", "suite 2"])
def test_a_bundle_that_does_not_hold_together_is_refused_and_nothing_is_sent(fake, forge, ana, fault):
    bundle = mixed(forge, fault)
    fake.people["bob"] = bundle
    check(ana.send("bob", "secret", expect=4), "bundle_invalid")
    assert fake.sent == []
    assert fake.requests[-1][0] != wire.SEND


def test_a_low_epoch_and_a_second_certificate_of_the_same_epoch_are_refused(fake, forge, ana):
    account, device = forge("account")["account"], forge("device")["device"]
    newer = wire.Identity(forge, "bob", account=account, device=device, epoch=3)
    fake.people["bob"] = newer.bundle
    ana.send("bob", "pins epoch 3")
    for epoch, created in ((2, None), (3, NOW - DAY)):
        older = wire.Identity(forge, "bob", account=account, epoch=epoch, now_ms=created)
        fake.people["bob"] = older.bundle
        said = ana.run("users", "bob", "--keys", expect=(0, 4))
        assert said.exit == 4 and said.code == "bundle_invalid", repr(said)


@pytest.mark.parametrize("age", ["set", "one-time", "certificate"])
def test_expired_keys_make_a_message_wait(fake, forge, ana, age):
    old = NOW - 40 * DAY
    account, device = forge("account")["account"], forge("device")["device"]
    bob = wire.Identity(forge, "bob", account=account, device=device,
                        now_ms=NOW - 100 * DAY if age == "certificate" else None)
    bundle = (bob.certificate + bob.prekey_set(now_ms=old if age == "set" else NOW)
              + bob.one_time(now_ms=old if age == "one-time" else NOW))
    fake.people["bob"] = bundle
    check(ana.send("bob", "later then", expect=1), "waiting_for_keys")
    assert fake.sent == []
    asked = [kind for kind, _, _ in fake.requests].count(wire.GET_BUNDLE)
    assert asked == 2, "a bundle that has expired is asked for once more"
    status = ana.run("status", "--json").objects("status")[0]
    assert status["outbox"] == 1, "the message is kept"


def test_a_changed_key_after_first_contact_stops_sending(fake, forge, ana, bob):
    ana.send("bob", "hi")
    fake.people["bob"] = wire.Identity(forge, "bob").bundle
    ana.run("users", "bob", "--keys", expect=(0, 4))
    check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert len(fake.sent) == 1


def test_a_card_compared_before_first_contact_catches_a_lying_server(fake, forge, ana, bob):
    eve = wire.Identity(forge, "bob")
    card = wire.card("bob", "127.0.0.1", fake.port, bob.afp)
    fake.people["bob"] = eve.bundle
    check(ana.run("verify", "bob", "--card", "-", stdin=card, expect=4), "card_different")
    fake.people["bob"] = bob.bundle
    ana.run("verify", "bob", "--card", "-", stdin=card)
    fake.people["bob"] = eve.bundle
    said = check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert fake.sent == [], repr(said)


# --- clocks ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("skew", [-2 * DAY, 2 * DAY])
def test_clock_skew_starts_nothing_and_erases_nothing(fake, ana, bob, skew):
    fake.welcome_fields["time_ms"] = int(time.time() * 1000) + skew
    check(ana.send("bob", "hi", expect=1), "clock_skew")
    assert fake.sent == []
    del fake.welcome_fields["time_ms"]
    ana.send("bob", "hi")


def test_clock_skew_leaves_running_sessions_alone(fake, ana, bob):
    ana.send("bob", "the session exists")
    fake.welcome_fields["time_ms"] = int(time.time() * 1000) + 2 * DAY
    said = ana.send("bob", "and goes on")
    assert said.exit == 0 and len(fake.sent) == 2
    assert "clock_skew" in said.codes


# --- answers that are no answers -------------------------------------------------------------------------------

def bad_answers():
    good = wire.frame(wire.WELCOME, 1, wire.welcome("ana"))
    huge = b"\xff\xff\xff\xff\x81\x00\x00\x00\x01"
    return {
        "empty frame": b"\x00\x00\x00\x00",
        "frame shorter than its header": b"\x00\x00\x00\x04\x81\x00\x00\x00",
        "frame over its limit": huge + b"x" * 100,
        "unknown type": wire.frame(0x77, 1),
        "type of the other direction": wire.frame(wire.LOGIN, 1, b"x" * 98),
        "type of another state": wire.frame(wire.ACCEPTED, 1),
        "trailing byte": wire.frame(wire.WELCOME, 1, wire.welcome("ana") + b"\0"),
        "truncated body": wire.frame(wire.WELCOME, 1, wire.welcome("ana")[:-1]),
        "answer to a request nobody made": wire.frame(wire.WELCOME, 7, wire.welcome("ana")),
        "somebody else's name": wire.frame(wire.WELCOME, 1, wire.welcome("eve")),
        "name that is none": wire.frame(wire.WELCOME, 1, wire.welcome("ana").replace(b"\x03ana", b"\x03A-a")),
        "window 0": wire.frame(wire.WELCOME, 1, wire.welcome("ana", window=0)),
        "registration 9": wire.frame(wire.WELCOME, 1, wire.welcome("ana", registration=9)),
        "error with bad UTF-8": wire.frame(wire.ERROR, 1, b"\x00\x06\x00\x00\x00\x00\x02\xff\xfe"),
        "unknown error number": wire.frame(wire.ERROR, 1, b"\xff\xff\x00\x00\x00\x00\x00"),
        "WELCOME twice": good + good,
        "random bytes": os.urandom(4096),
    }


@pytest.mark.parametrize("fault", list(bad_answers()))
def test_a_login_answer_that_is_none(fake, ana, bob, fault):
    fake.answers[wire.LOGIN] = raw(bad_answers()[fault])
    said = ana.send("bob", "hi", expect=(1, 5), timeout=40)
    assert said.code in ("protocol_error", "connection_lost"), repr(said)
    assert fake.sent == []
    del fake.answers[wire.LOGIN]
    ana.send("bob", "hi")
    assert len(fake.sent) == 1, "an honest answer later finds everything in place"


@pytest.mark.parametrize("fault", ["trailing", "short", "long", "wrong type", "count", "order", "utf8"])
def test_an_answer_in_the_open_state_that_is_none(fake, ana, bob, fault):
    bundle = bob.bundle()
    send_faults = {
        "trailing": wire.frame(wire.ACCEPTED, 0, b"x"), "short": wire.frame(wire.BUNDLE, 3, bundle[:-1]),
        "long": wire.frame(wire.BUNDLE, 3, bundle + b"x"), "wrong type": wire.frame(wire.USERS, 3, wire.users([])),
        "count": wire.frame(wire.USERS, 2, b"\xff\xff"), "order": None,
        "utf8": None}
    if fault in ("count", "order", "utf8"):
        listing = {"count": b"\xff\xff", "order": wire.users(["bob", "ana"]),
                   "utf8": b"\x00\x01\x02\xff\xfe" + b"\0" * 10}[fault]
        fake.answers[wire.LIST_USERS] = lambda _, request, body: [wire.frame(wire.USERS, request, listing)]
        said = ana.run("users", expect=1)
    else:
        fake.answers[wire.GET_BUNDLE] = raw(send_faults[fault])
        said = ana.send("bob", "hi", expect=(1, 4))
        assert fake.sent == []
    assert said.code in ("protocol_error", "bundle_invalid"), repr(said)


# --- envelopes that are altered, repeated, strange -------------------------------------------------------------

def test_altered_and_repeated_envelopes_change_nothing_and_the_true_one_still_opens(fake, forge, ana):
    carol = wire.Identity(forge, "carol")
    first, second, third = carol.initial("ana", fake.bundle_of("ana"), "one", "two", "three")
    broken = [flip(first, at) for at in (0, 1, 30, 7000, 9000, 9430, len(first) - 340, len(first) - 1)]
    fake.mail = [("carol", one) for one in broken] + [("carol", b"\x01\x12" + os.urandom(340)),
                                                      ("carol", os.urandom(342)), ("carol", os.urandom(2000))]
    assert ana.recv() == []
    wait_until(lambda: len(fake.acked) >= len(broken), what="junk acknowledged")

    fake.mail = [("carol", first), ("carol", first), ("carol", flip(second, 9500)), ("carol", second),
                 ("carol", first), ("carol", third), ("carol", second)]
    assert ana.texts() == ["one", "two", "three"]
    fake.mail = [("carol", one) for one in (third, second, first)]
    assert ana.recv() == [], "nothing is shown twice"


def test_an_envelope_of_one_person_under_the_name_of_another_is_not_shown(fake, forge, ana, bob):
    carol = wire.Identity(forge, "carol")
    envelope = carol.initial("ana", fake.bundle_of("ana"), "who am I?")[0]
    fake.mail = [("bob", envelope)]
    assert ana.recv() == []


def test_undecryptable_is_said_and_acknowledged(fake, forge, ana):
    """An INITIAL for a one-time key that this device never had."""
    carol = wire.Identity(forge, "carol")
    envelope = carol.initial("ana", fake.bundle_of("ana"), "lost")[0]
    place = 2 + 6919 + 32 + 4
    fake.mail = [("carol", envelope[:place] + b"\x12\x34\x56\x78" + envelope[place + 4:])]
    said = ana.run("recv")
    assert "undecryptable" in said.codes, repr(said)
    wait_until(lambda: fake.acked, what="acknowledgement")


def test_a_session_that_starts_anew_before_an_answer_is_no_news(fake, forge, ana):
    """Carol writes from a session, then from another one, as after a reinstallation with the same account."""
    carol = wire.Identity(forge, "carol")
    fake.mail = [("carol", carol.initial("ana", fake.bundle_of("ana"), "one", sent_ms=NOW - 2000)[0])]
    assert ana.texts() == ["one"]
    fake.mail = [("carol", carol.initial("ana", fake.bundle_of("ana"), "two", sent_ms=NOW - 1000)[0])]
    said = ana.run("recv")
    assert "two" in said.out and said.codes == [], "nothing is lost with a session that was never confirmed"


def test_a_message_under_another_account_key_is_held(fake, forge, ana):
    carol = wire.Identity(forge, "carol")
    fake.mail = [("carol", carol.initial("ana", fake.bundle_of("ana"), "hello")[0])]
    assert ana.texts() == ["hello"]
    mallory = wire.Identity(forge, "carol")
    fake.mail = [("carol", mallory.initial("ana", fake.bundle_of("ana"), "send me the key")[0])]
    said = ana.run("recv")
    assert "send me the key" not in said.out and "held" in said.codes, repr(said)


def test_terminal_escapes_in_a_text_do_not_reach_the_terminal(fake, forge, ana):
    carol = wire.Identity(forge, "carol")
    hostile = "\x1b[31mred\x1b]0;title\x07 \u202eevil\r\nbob: fake \x9b1m"
    fake.mail = [("carol", carol.initial("ana", fake.bundle_of("ana"), hostile)[0])]
    out = ana.run("recv").out
    for forbidden in ("\x1b", "\x07", "\x9b", "\r"):
        assert forbidden not in out, repr(out)
    assert not any(line.startswith("bob:") for line in out.splitlines())


def test_a_server_that_loses_everything_and_starts_over_is_given_new_prekeys(fake, ana, bob):
    ana.send("bob", "one")
    before = {"set": fake.published["ana"]["set"], "one_time": set(fake.published["ana"]["one_time"])}
    fake.welcome_fields["epoch"] = b"\x22" * 16
    ana.run("recv")
    after = fake.published["ana"]
    assert len(after["one_time"]) == 32 and not before["one_time"] & set(after["one_time"])
    assert after["set"][34:38] > before["set"][34:38], "a set with a higher set_id"


def test_low_prekeys_are_filled_up(fake, ana):
    before = len(fake.published["ana"]["one_time"])
    fake.welcome_fields["left"] = 3
    ana.run("recv")
    assert len(fake.published["ana"]["one_time"]) == before + 29


def test_login_signature_is_bound_to_the_connection(tmp_path, forge):
    """The proof that a real client shows one server is worth nothing on another connection."""
    server = Server(tmp_path)
    server.start()
    person = wire.Identity(forge, "carol")
    first = wire.connect(server)
    first.write(wire.frame(wire.REGISTER, 1, person.login(first.exporter) + b"\x01" + wire.token(server.invite())
                           + person.certificate))
    assert first.frame()[0] == wire.WELCOME
    second = wire.connect(server)
    second.write(wire.frame(wire.LOGIN, 1, person.login(first.exporter)))
    kind, _, body = second.frame()
    assert kind == wire.ERROR and wire.read_error(body)["code"] == "login_refused"
