# SPDX-License-Identifier: ISC
"""A server for real clients that keeps to the protocol until a test tells it otherwise."""
import hashlib
import os
import threading
from dataclasses import dataclass, field

import wire

CLOSE = object()   # as an answer: hang up
SILENCE = object()  # as an answer: say nothing


@dataclass
class Letter:
    """A message on its way between two real clients."""
    sender: str
    to: str
    envelope: bytes
    id: bytes = field(default_factory=lambda: os.urandom(16))


class FakeServer:
    """Answers what an honest server would; `answers[TYPE]` replaces the answer to one type.

    An entry of `answers` is called with (fake, request, body) and gives a list of frames, CLOSE or SILENCE.
    `people` maps names to what GET_BUNDLE and GET_CERTIFICATE hand out: a bundle, or a function that makes one; for
    everybody else it is what they published. `carry` decides what becomes of a message between real clients: called
    with a Letter, it gives the Letters that are put into mailboxes. `forgets` off: nothing leaves a mailbox."""

    def __init__(self, folder, forge, alpn=wire.ALPN):
        self.forge, self.people, self.answers = forge, {}, {}
        self.sent, self.acked, self.mail = [], [], []
        self.welcome_fields, self.certificates = {}, {}
        self.carry, self.mailboxes, self.handles, self.forgets = lambda letter: [letter], {}, 1_000_000, True
        self.withholds = False  # hands out no one-time prekeys
        self.requests = []
        self.published = {}
        self.lock = threading.Lock()
        self.acceptor = wire.Acceptor(folder, alpn)
        self.port = self.acceptor.port
        threading.Thread(target=self._serve_all, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def link(self):
        return wire.link("127.0.0.1", self.port, self.acceptor.spki_hash, os.urandom(10))

    def _serve_all(self):
        while self.acceptor.process.poll() is None:
            stream = self.acceptor.accept()
            if stream is None:
                continue
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        # What held when it began holds to its end: its last ACK may be read after its client has ended.
        state = {"name": None, "forgets": self.forgets}
        try:
            while True:
                kind, request, body = stream.frame(seconds=120)
                with self.lock:
                    self.requests.append((kind, request, body))
                answer = self._answer(state, kind, request, body)
                if answer is CLOSE:
                    break
                if answer is not SILENCE:
                    stream.write(b"".join(answer))
        except wire.Closed:
            pass
        stream.close()

    def _answer(self, state, kind, request, body):
        if kind in (wire.LOGIN, wire.REGISTER):
            cid = body[2:34]
            if kind == wire.REGISTER:
                certificate = body[-wire.CERTIFICATE_BYTES:]
                state["name"] = certificate[26:58].rstrip(b"\0").decode()
                self.certificates[cid] = (state["name"], certificate)
            elif cid in self.certificates:
                state["name"] = self.certificates[cid][0]
        if kind in self.answers:
            return self.answers[kind](self, request, body)
        return getattr(self, f"_on_{kind:02x}")(state, request, body)

    def welcome(self, request, name, **fields):
        kept = self.published.get(name)
        return [wire.frame(wire.WELCOME, request, wire.welcome(name, **{
            "waiting": len(self.mail) + len(self.mailboxes.get(name, ())),
            "left": min(len(kept["one_time"]), 64) if kept else 0,
            "set_id": int.from_bytes(kept["set"][34:38], "big") if kept and kept["set"] else 0,
            **self.welcome_fields, **fields}))]

    def _on_01(self, state, request, _):
        if state["name"] is None:
            return [wire.frame(wire.ERROR, request, wire.error("login_refused"))]
        return self.welcome(request, state["name"])

    def _on_02(self, state, request, _):
        return self.welcome(request, state["name"])

    def _on_10(self, _, request, __):
        return [wire.frame(wire.DONE, request)]

    def _on_11(self, state, request, body):
        reader = wire.Reader(body)
        is_replacement = reader.flag()
        kept = self.published.setdefault(state["name"], {"set": None, "one_time": []})
        if is_replacement:
            kept["one_time"] = []
        if reader.flag():
            kept["set"] = reader.take(wire.SET_BYTES)
        kept["one_time"] += [reader.take(wire.ONE_TIME_BYTES) for _ in range(reader.unpack("B"))]
        reader.finish()
        return [wire.frame(wire.DONE, request)]

    def bundle_of(self, name):
        """The bundle of a real client that registered here."""
        kept = self.published[name]
        last = b"" if self.withholds or not kept["one_time"] else kept["one_time"].pop()
        return self.certificate_of(name) + kept["set"] + last

    def certificate_of(self, name):
        return [one for who, one in self.certificates.values() if who == name][-1]

    def _handed_out(self, name, is_bundle=True):
        entry = self.people.get(name)
        if entry is None and name in self.published:
            return self.bundle_of(name) if is_bundle else self.certificate_of(name)
        return entry() if callable(entry) else entry

    def _on_12(self, _, request, body):
        bundle = self._handed_out(wire.Reader(body).name(), False)
        if bundle is None:
            return [wire.frame(wire.ERROR, request, wire.error("no_such_user"))]
        return [wire.frame(wire.CERTIFICATE, request, bundle[:wire.CERTIFICATE_BYTES])]

    def _on_13(self, _, request, body):
        bundle = self._handed_out(wire.Reader(body).name())
        if bundle is None:
            return [wire.frame(wire.ERROR, request, wire.error("no_such_user"))]
        return [wire.frame(wire.BUNDLE, request, bundle)]

    def _on_14(self, state, request, _):
        return [wire.frame(wire.USERS, request, wire.users(sorted({*self.people, *self.published, state["name"]})))]

    def _on_15(self, state, request, body):
        said = wire.read_send(body)
        self.sent.append({**said, "from": state["name"]})
        if said["to"] in self.published:
            for letter in self.carry(Letter(state["name"], said["to"], said["envelope"], said["id"])):
                self.post(letter)
        return [wire.frame(wire.ACCEPTED, request)]

    def post(self, letter):
        """Puts a message into the mailbox of a real client. Returns its handle."""
        with self.lock:
            self.handles += 1
            self.mailboxes.setdefault(letter.to, {})[self.handles] = letter
            return self.handles

    def _on_16(self, state, __, ___):
        """Hands over the mailbox, and what lies in `mail`: (sender, envelope) or (sender, envelope, envelope id)."""
        with self.lock:
            waiting = list(self.mailboxes.get(state["name"], {}).items())
        frames = [wire.frame(wire.DELIVER, 0, wire.deliver(number + 1, *one))
                  for number, one in enumerate(self.mail)]
        frames += [wire.frame(wire.DELIVER, 0, wire.deliver(handle, one.sender, one.envelope, one.id))
                   for handle, one in waiting]
        return [*frames, wire.frame(wire.CAUGHT_UP, 0)]

    def _on_17(self, state, __, body):
        reader = wire.Reader(body)
        handles = [reader.unpack("Q") for _ in range(reader.unpack("H"))]
        reader.finish()
        self.acked += handles
        with self.lock:
            for handle in handles if state["forgets"] else ():
                self.mailboxes.get(state["name"], {}).pop(handle, None)
        return SILENCE

    def _on_18(self, state, request, body):
        """RENEW: certificate, set and one-time prekeys replace what was there."""
        reader = wire.Reader(body)
        certificate, prekey_set = reader.take(wire.CERTIFICATE_BYTES), reader.take(wire.SET_BYTES)
        one_time = [reader.take(wire.ONE_TIME_BYTES) for _ in range(reader.unpack("B"))]
        reader.finish()
        cid = hashlib.sha256(b"\x0csotto/1 cert" + certificate[:3546]).digest()
        for old in [old for old, (who, _) in self.certificates.items() if who == state["name"]]:
            del self.certificates[old]
        self.certificates[cid] = (state["name"], certificate)
        self.published[state["name"]] = {"set": prekey_set, "one_time": one_time}
        return [wire.frame(wire.DONE, request)]


def refuse(code, retry_after_s=0, detail=""):
    """An answer: ERROR to the request."""
    return lambda fake, request, body: [wire.frame(wire.ERROR, request, wire.error(code, retry_after_s, detail))]


def hang_up(fake, request, body):
    return CLOSE


def say_nothing(fake, request, body):
    return SILENCE


def raw(data):
    """An answer: these bytes, whatever they are."""
    return lambda fake, request, body: [data]
