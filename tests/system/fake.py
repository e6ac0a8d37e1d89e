# SPDX-License-Identifier: ISC
"""A server for real clients that keeps to the protocol until a test tells it otherwise."""
import os
import threading

import wire

CLOSE = object()   # as an answer: hang up
SILENCE = object()  # as an answer: say nothing


class FakeServer:
    """Answers what an honest server would; `answers[TYPE]` replaces the answer to one type.

    An entry of `answers` is called with (fake, request, body) and gives a list of frames, CLOSE or SILENCE.
    `people` maps names to what GET_BUNDLE and GET_CERTIFICATE hand out: a bundle, or a function that makes one."""

    def __init__(self, folder, forge, alpn=wire.ALPN):
        self.forge, self.people, self.answers = forge, {}, {}
        self.sent, self.acked, self.mail = [], [], []
        self.welcome_fields, self.certificates = {}, {}
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
        state = {"name": None}
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
        left = 32 if name in self.published else 0
        return [wire.frame(wire.WELCOME, request, wire.welcome(name, **{
            "waiting": len(self.mail), "left": left, "set_id": 1 if left else 0, **self.welcome_fields, **fields}))]

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
        reader.flag()
        kept = self.published.setdefault(state["name"], {"set": None, "one_time": []})
        if reader.flag():
            kept["set"] = reader.take(wire.SET_BYTES)
        kept["one_time"] += [reader.take(wire.ONE_TIME_BYTES) for _ in range(reader.unpack("B"))]
        reader.finish()
        return [wire.frame(wire.DONE, request)]

    def bundle_of(self, name):
        """The bundle of a real client that registered here."""
        certificate = next(one for who, one in self.certificates.values() if who == name)
        kept = self.published[name]
        return certificate + kept["set"] + kept["one_time"].pop()

    def _handed_out(self, name):
        entry = self.people.get(name)
        return entry() if callable(entry) else entry

    def _on_12(self, _, request, body):
        bundle = self._handed_out(wire.Reader(body).name())
        if bundle is None:
            return [wire.frame(wire.ERROR, request, wire.error("no_such_user"))]
        return [wire.frame(wire.CERTIFICATE, request, bundle[:wire.CERTIFICATE_BYTES])]

    def _on_13(self, _, request, body):
        bundle = self._handed_out(wire.Reader(body).name())
        if bundle is None:
            return [wire.frame(wire.ERROR, request, wire.error("no_such_user"))]
        return [wire.frame(wire.BUNDLE, request, bundle)]

    def _on_14(self, state, request, _):
        return [wire.frame(wire.USERS, request, wire.users(sorted({*self.people, state["name"]})))]

    def _on_15(self, _, request, body):
        self.sent.append(wire.read_send(body))
        return [wire.frame(wire.ACCEPTED, request)]

    def _on_16(self, _, __, ___):
        """Hands over what lies in `mail`: (sender, envelope) or (sender, envelope, envelope id)."""
        frames = [wire.frame(wire.DELIVER, 0, wire.deliver(number + 1, *one))
                  for number, one in enumerate(self.mail)]
        return [*frames, wire.frame(wire.CAUGHT_UP, 0)]

    def _on_17(self, _, __, body):
        reader = wire.Reader(body)
        self.acked += [reader.unpack("Q") for _ in range(reader.unpack("H"))]
        reader.finish()
        return SILENCE


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
