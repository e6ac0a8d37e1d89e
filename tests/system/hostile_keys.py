# SPDX-License-Identifier: ISC
"""Lies about keys: what the server hands out for somebody's name."""
import time

import wire
from fake import Letter
from hostile import alarm, flip, forget_sessions, row

DAY = wire.DAY_MS
SET_AT, ONE_TIME_AT = wire.CERTIFICATE_BYTES, wire.CERTIFICATE_BYTES + wire.SET_BYTES


def now_ms():
    return int(time.time() * 1000)


def refuses(stage, ana, bundle, code="bundle_invalid", status=4):
    """With this for Bob nothing is sent, and Ana is told why."""
    before = len(stage.to("bob"))
    stage.fake.people["bob"] = bundle
    said = ana.send("bob", "the key is under the stone", expect=None, timeout=30)
    assert len(stage.to("bob")) == before, f"the message left for keys of the server's making: {said!r}"
    alarm(said, code, status)


def card(stage, person):
    return wire.card(person.name, "127.0.0.1", stage.fake.port, person.afp)


# --- whose key -------------------------------------------------------------------------------------------------

@row("Server swaps B's keys at first contact", "no_card")
def swapped_before_a_card_is_compared(stage):
    """A card of Bob's true key is compared before the first message; the server shows another: `card_different`."""
    ana, bob, eve = stage.person(), stage.forged(), stage.forged("bob", False)
    stage.fake.people["bob"] = eve.bundle
    stage.lie()
    alarm(ana.run("verify", "bob", "--card", "-", stdin=card(stage, bob), expect=None), "card_different", 4)


@row("Server swaps B's keys at first contact", "no_pin")
def swapped_after_a_card_was_compared(stage):
    """The card was compared while the server was honest; the first message then meets another key."""
    ana, bob, eve = stage.person(), stage.forged(), stage.forged("bob", False)
    ana.run("verify", "bob", "--card", "-", stdin=card(stage, bob))
    stage.lie()
    refuses(stage, ana, eve.bundle, "peer_key_changed")


def put_card(stage, client, person):
    """As an administrator does before an unattended sender ever connects."""
    folder = client.home / "config" / "cards.d"
    folder.mkdir(parents=True)
    (folder / f"{person.name}.card").write_text(card(stage, person))


@row("Server swaps B's keys at first contact", "no_card")
def swapped_with_a_card_in_place(stage):
    """A card lies in cards.d; the first message meets another key, and nobody is there to look."""
    ana, bob, eve = stage.person(), stage.forged(), stage.forged("bob", False)
    put_card(stage, ana, bob)
    stage.lie()
    refuses(stage, ana, eve.bundle, "peer_key_changed")


@row("Server swaps B's keys at first contact", "no_card")
def first_flight_that_is_not_of_the_card(stage):
    """A card lies in cards.d; the server writes in Bob's name with a key of its own before he does: held."""
    ana, bob, eve = stage.person(), stage.forged(), stage.forged("bob", False)
    put_card(stage, ana, bob)
    envelope = eve.initial("ana", stage.fake.bundle_of("ana"), "I am Bob")[0]
    stage.lie()
    stage.fake.post(Letter("bob", "ana", envelope))
    said = ana.run("recv", expect=None)
    assert "I am Bob" not in said.out, "a message under another key than the card's was shown"
    alarm(said, "held", 0)


@row("Server swaps keys of a known contact", "no_pin")
def swapped_keys_of_a_known_contact(stage):
    """Bob has been written to; when a session has to begin anew the server shows another key for him."""
    ana, _, eve = stage.person(), stage.forged(), stage.forged("bob", False)
    ana.send("bob", "hello")
    forget_sessions(ana)
    stage.lie()
    refuses(stage, ana, eve.bundle, "peer_key_changed")


@row("Server swaps keys of a known contact", "no_pin")
def swapped_keys_while_a_session_runs(stage):
    """The session goes on, but the name now belongs to another key: nothing more is said to it."""
    ana, _, eve = stage.person(), stage.forged(), stage.forged("bob", False)
    ana.send("bob", "hello")
    stage.lie()
    refuses(stage, ana, eve.bundle, "peer_key_changed")


@row("Server serves another user's valid bundle", "no_bundle_name")
def bundle_of_another_user(stage):
    """Carol's keys, valid in every part, are handed out for Bob."""
    ana, carol = stage.person(), stage.forged("carol")
    stage.lie()
    refuses(stage, ana, carol.bundle)


# --- parts that do not belong together -------------------------------------------------------------------------

@row("Mixing parts of two bundles", "no_part_binding")
def set_of_another_certificate(stage):
    """A prekey set signed by Bob's device for another certificate than the one beside it."""
    ana, bob, other = stage.person(), stage.forged(), stage.forged("carol")
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(cid=other.cid) + bob.one_time())


@row("Mixing parts of two bundles", "no_part_binding")
def one_time_prekey_of_another_certificate(stage):
    """A one-time prekey signed by Bob's device for another certificate than the one beside it."""
    ana, bob, other = stage.person(), stage.forged(), stage.forged("carol")
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set() + bob.one_time(cid=other.cid))


@row("Mixing parts of two bundles", why="the parts name another certificate and are signed by another device; either "
     "defence is enough, and each has a row of its own")
def parts_of_another_user(stage):
    """Carol's set or Carol's one-time prekey behind Bob's certificate."""
    ana, bob, carol = stage.person(), stage.forged(), stage.forged("carol")
    stage.lie()
    refuses(stage, ana, bob.certificate + carol.prekey_set() + bob.one_time())
    refuses(stage, ana, bob.certificate + bob.prekey_set() + carol.one_time())


@row("Mixing parts of two bundles", "no_prekey_signature")
def prekeys_of_the_servers_own_making(stage):
    """Set and one-time prekey name Bob's certificate, and the server signed them with a key of its own."""
    ana, bob, eve = stage.person(), stage.forged(), stage.forged("eve")
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + eve.prekey_set(cid=bob.cid) + eve.one_time(cid=bob.cid))


@row("EC/KEM key confusion", "no_prekey_type")
def object_of_another_type(stage):
    """A signed prekey object whose type says that it is something else."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(fields={"type": b"\x03"}) + bob.one_time())
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set() + bob.one_time(fields={"type": b"\x02"}))


@row("EC/KEM key confusion", why="types, sizes and signing labels each refuse it alone")
def set_in_the_place_of_a_one_time_prekey(stage):
    """Set and one-time prekey change places."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.one_time() + bob.prekey_set())


# --- old keys --------------------------------------------------------------------------------------------------

@row("Old prekey set served for ever", "no_prekey_life")
def set_that_has_expired(stage):
    """A set of 40 days ago is handed out again and again: the message waits for fresh keys."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(now_ms=now_ms() - 40 * DAY) + bob.one_time(),
            "waiting_for_keys", 1)


@row("Old prekey set served for ever", "no_prekey_life")
def set_with_a_lifetime_of_its_own(stage):
    """A set that a device signed for a year is no set."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(fields={"expires_ms": now_ms() + 365 * DAY}))


@row("Old prekey set served for ever", "no_set_rule")
def set_that_was_replaced(stage):
    """Set 5 was seen; the server goes back to set 4, whose private keys a thief may have."""
    ana, bob = stage.person(), stage.forged()
    stage.fake.people["bob"] = lambda: bob.certificate + bob.prekey_set(set_id=5) + bob.one_time()
    ana.send("bob", "sees set 5")
    forget_sessions(ana)
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(set_id=4) + bob.one_time())


@row("Old certificate served for ever", "no_certificate_life")
def certificate_with_a_lifetime_of_its_own(stage):
    """A certificate for a year is no certificate, although the account signed it."""
    ana, bob = stage.person(), stage.forged(fields={"expires_ms": now_ms() + 365 * DAY})
    stage.lie()
    refuses(stage, ana, bob.bundle)


@row("Old certificate served for ever", why="a session looks at the expiry of both certificates once more when it begins")
def certificate_that_has_expired(stage):
    """A certificate of 100 days ago with fresh prekeys: the message waits."""
    ana, bob = stage.person(), stage.forged(now_ms=now_ms() - 100 * DAY)
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(now_ms=now_ms()) + bob.one_time(now_ms=now_ms()),
            "waiting_for_keys", 1)


@row("Old certificate served for ever", "no_epoch_rule")
def certificate_of_a_lower_epoch(stage):
    """Epoch 3 was seen; the server goes back to epoch 2, whose device keys a thief may have."""
    ana, bob = stage.person(), stage.forged(epoch=3)
    older = stage.forged("bob", False, account=bob.account, epoch=2)
    ana.send("bob", "sees epoch 3")
    forget_sessions(ana)
    stage.lie()
    refuses(stage, ana, older.bundle)


@row("Two devices with one identity", "no_conflict_rule")
def second_certificate_of_the_same_epoch(stage):
    """A second certificate of the epoch that is known."""
    ana, bob = stage.person(), stage.forged(epoch=3)
    twin = stage.forged("bob", False, account=bob.account, epoch=3)
    ana.send("bob", "sees epoch 3")
    forget_sessions(ana)
    stage.lie()
    refuses(stage, ana, twin.bundle)


# --- certificates that no account made -------------------------------------------------------------------------

@row("Fake device added by server", "no_device_rule")
def certificate_of_device_2(stage):
    """A second device of Bob's account, which this version does not know."""
    ana, bob = stage.person(), stage.forged(fields={"device_id": 2})
    stage.lie()
    refuses(stage, ana, bob.bundle)


@row("Fake device added by server", "no_pin")
def device_of_a_foreign_account(stage):
    """A higher epoch and device keys of the server's, certified by an account key that is not Bob's."""
    ana, _ = stage.person(), stage.forged()
    ana.send("bob", "hello")
    forget_sessions(ana)
    stage.lie()
    refuses(stage, ana, stage.forged("bob", False, epoch=9).bundle, "peer_key_changed")


@row("Hybrid account signature forged in one half", "no_mldsa")
def signature_without_its_ml_dsa_half(stage):
    """Whoever breaks Ed25519 still needs ML-DSA-65."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: flip(bob.bundle(), 6900))


@row("Hybrid account signature forged in one half", "no_ed25519")
def signature_without_its_ed25519_half(stage):
    """Whoever breaks ML-DSA-65 still needs Ed25519."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: flip(bob.bundle(), 3550))


@row("Keys that no honest device makes", why="the modulus is judged once more where a key is made of it")
def modulus_of_2040_bits(stage):
    """An RSA modulus without its top bit."""
    ana, bob = stage.person(), stage.forged(fields={"rsa": b"\x00" + b"\xff" * 255})
    stage.lie()
    refuses(stage, ana, bob.bundle)


@row("Keys that no honest device makes", why="OpenSSL refuses such a key on import, whatever this program does")
def ml_kem_key_out_of_range(stage):
    """ML-KEM coefficients above the modulus, in the certificate and in the set."""
    ana, bob = stage.person(), stage.forged(fields={"kem": b"\xff" * 1184})
    honest = stage.forged("bob", False)
    stage.lie()
    refuses(stage, ana, bob.bundle)
    refuses(stage, ana, lambda: honest.certificate + honest.prekey_set(fields={"kem": b"\xff" * 1184})
            + honest.one_time())


@row("Low-order / all-zero X25519", "no_zero_check")
def prekey_of_low_order(stage):
    """A signed prekey that makes every Diffie-Hellman secret zero."""
    ana, bob = stage.person(), stage.forged()
    stage.lie()
    refuses(stage, ana, lambda: bob.certificate + bob.prekey_set(fields={"dh": bytes(32)}) + bob.one_time())


@row("Keys altered on the way", why="each byte is under a signature; the rows above leave the signatures out one by one")
def flipped_bytes_of_a_bundle(stage):
    """One bit in each field of certificate, set and one-time prekey."""
    ana, bob = stage.person(), stage.forged()
    good = bob.bundle()
    stage.lie()
    for at in (0, 1, 5, 13, 21, 25, 26, 60, 500, 2050, 2080, 2200, 3000, 3550, 5000, SET_AT, SET_AT + 1, SET_AT + 10,
               SET_AT + 37, SET_AT + 45, SET_AT + 53, SET_AT + 60, SET_AT + 700, SET_AT + 1300, ONE_TIME_AT + 1,
               ONE_TIME_AT + 9, ONE_TIME_AT + 37, ONE_TIME_AT + 45, ONE_TIME_AT + 60, ONE_TIME_AT + 900, len(good) - 1):
        before = len(stage.to("bob"))
        stage.fake.people["bob"] = flip(good, at)
        said = ana.send("bob", "the key is under the stone", expect=(1, 4))
        assert len(stage.to("bob")) == before and said.code in ("bundle_invalid", "waiting_for_keys"), repr(said)
