# SPDX-License-Identifier: ISC
"""Theft of a client's store with its key: every page of the database and every frame of its log is decrypted and
searched for keys that were used up."""
import hashlib
import hmac
import subprocess

import wire
from fake import Letter
from hostile import row, shown
from sottotest import program


def everything_in(client, passphrase=""):
    """(all pages and log frames in clear, number of pages, number of frames), as a thief with the key has them."""
    files = {path.suffix: path for path in client.store_files()}
    done = subprocess.run([program("pages"), files[".key"], files[".db"], passphrase], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    pages, frames = map(int, done.stderr.split())
    return done.stdout, pages, frames


def secrets_of_session(state):
    """{what: key} of one saved session (session_save in src/session/store.c)."""
    r, found = wire.Reader(state), {}
    assert r.unpack("B") == 1, "another layout of the session row"
    r.take(16 + 1 + 3 * 32 + 8 + 8 + 4 + 4 + 8 + 8 + 8 + 1 + 4 + 32)
    found["root key"] = r.take(32)
    if r.flag():
        found["own ratchet key"] = r.take(32)
    r.take(32)
    for name in ("sending chain key", "receiving chain key"):
        if r.flag():
            found[name] = r.take(32)
            r.take(4 + 16)
    r.take(r.unpack("H"))
    r.take(4 + 4 + 1 + 4 + 8 + 1)
    if r.flag():
        found["ML-KEM ratchet key"] = r.take(64)
    return found


def secrets_in(client):
    """{(what, key)} of everything in the store that has to be gone once it was used."""
    found = set()
    for (state,) in client.store_sql("SELECT state FROM session"):
        found |= set(secrets_of_session(state).items())
    for (key,) in client.store_sql("SELECT key FROM skipped"):
        found.add(("skipped message key", key))
    for (secret,) in client.store_sql("SELECT secret FROM prekey WHERE one_time=1"):
        found |= {("one-time X25519 key", secret[45:77]), ("one-time ML-KEM key", secret[77:141])}
    return found


def that_follow(secrets, count=64):
    """The message keys and later chain keys that follow from chain keys (1.6)."""
    found = set()
    for what, key in secrets:
        for _ in range(count if "chain key" in what else 0):
            found.add((f"message key of a {what}", hmac.new(key, b"\x01", hashlib.sha256).digest()))
            key = hmac.new(key, b"\x02", hashlib.sha256).digest()
            found.add((f"later {what}", key))
    return found


def is_in(key, data):
    """Either end of it: a long row goes on in another page, anywhere in a key."""
    return key[:16] in data or key[-16:] in data


class Thief:
    """Learns every key while it is there, and looks for it when it has to be gone."""

    def __init__(self, client):
        self.client, self.known = client, set()

    def learn(self):
        """Before a command: what is there now."""
        self.known |= secrets_in(self.client)

    def look(self):
        """After a command: nothing of what went out of use is in any page or frame. Returns how much was looked for."""
        present = secrets_in(self.client)
        still = {key for _, key in present}
        gone = {(what, key) for what, key in self.known | that_follow(self.known - present) if key not in still}
        data, _, _ = everything_in(self.client)
        for what, key in present:
            assert is_in(key, data), f"the search would not find a {what} that is there"
        left = [what for what, key in gone if is_in(key, data)]
        assert not left, f"of {len(gone)} used keys there are still in the store's pages: {left}"
        self.known |= present
        return len(gone)


def turns(ana, bob, thief, rounds=3):
    """Ana's commands of some turns, each watched. Returns how many used keys were looked for in the end."""
    count = 0
    for number in range(rounds):
        bob.send("ana", f"one {number}")
        bob.send("ana", f"two {number}")
        thief.learn()
        assert shown(ana) == [("bob", f"one {number}"), ("bob", f"two {number}")]
        thief.look()
        thief.learn()
        ana.send("bob", f"three {number}")
        count = thief.look()
        assert shown(bob) == [("ana", f"three {number}")]
    return count


@row("Theft of the store: forward secrecy", why="each message writes the state of its session over; what is deleted has a row of "
     "its own")
def keys_of_past_turns(stage):
    """Chain keys, message keys, root keys and ratchet keys of turns that are over are in no page and no frame."""
    ana, bob = stage.conversation()
    stage.lie()
    assert turns(ana, bob, Thief(ana), 3) > 20


@row("Theft of the store: forward secrecy", "keep_one_time_keys", "no_secure_delete")
def one_time_keys_that_were_used(stage):
    """The private halves of a one-time prekey are gone with the first message that used it."""
    ana, carol = stage.person(), stage.forged("carol")
    thief = Thief(ana)
    thief.learn()
    stage.lie()
    envelope = carol.initial("ana", stage.fake.bundle_of("ana"), "hello")[0]
    (secret,), = ana.store_sql(f"SELECT secret FROM prekey WHERE one_time=1 AND id={int.from_bytes(envelope[6957:6961], 'big')}")
    stage.fake.post(Letter("carol", "ana", envelope))
    assert shown(ana) == [("carol", "hello")]
    data, _, _ = everything_in(ana)
    assert not is_in(secret[45:77], data) and not is_in(secret[77:141], data), "a used one-time key is in the store"
    assert thief.look() >= 2


@row("Theft of the store: forward secrecy", "keep_used_keys")
def skipped_keys_that_were_used(stage):
    """The key of a message that came late is gone once it was used."""
    ana, bob = stage.conversation()
    letters = stage.held(bob, ana, "one", "two", "three", "four")
    thief = Thief(ana)
    stage.fake.post(letters[0])
    stage.fake.post(letters[3])
    came = shown(ana)
    thief.learn()
    skipped = [key for what, key in thief.known if what == "skipped message key"]
    assert len(skipped) == 2
    stage.lie()
    stage.fake.post(letters[1])
    stage.fake.post(letters[2])
    came += shown(ana)
    assert sorted(came) == sorted(("bob", text) for text in ("one", "two", "three", "four")), came
    data, _, _ = everything_in(ana)
    assert not any(is_in(key, data) for key in skipped), "a used message key is in the store"
    thief.look()
