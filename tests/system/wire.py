# SPDX-License-Identifier: ISC
"""The wire protocol, section 4 of docs/PROTOCOL.md, written from that page; and objects of sotto/1 made by forge.

`Reader` and `frame` are the codec, `Identity` a forged account with its device, `WireClient` a client that may say
anything to a real server, `FakeServer` a server that may say anything to a real client."""
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time

import sottotest

LOGIN, REGISTER = 0x01, 0x02
PING, PUBLISH, GET_CERTIFICATE, GET_BUNDLE, LIST_USERS, SEND, FETCH, ACK, RENEW, LEAVE = range(0x10, 0x1a)
WELCOME, DONE, CERTIFICATE, BUNDLE, USERS, ACCEPTED, DELIVER, CAUGHT_UP = (0x81, *range(0x90, 0x97))
ERROR = 0xFF

CERTIFICATE_BYTES, SET_BYTES, ONE_TIME_BYTES = 6919, 1334, 1326
DAY_MS = 24 * 3600 * 1000
ALPN = "sotto-wire/1"

ERRORS = {  # section 4.4
    1: "protocol_error", 2: "name_invalid", 3: "self_recipient", 4: "login_timeout", 5: "shutting_down",
    6: "login_refused", 7: "signed_in_elsewhere", 8: "no_such_user", 9: "server_full", 10: "name_taken",
    11: "invite_used", 12: "invite_expired", 13: "invite_unknown", 14: "invite_required",
    15: "registration_closed", 16: "rate_limited", 17: "mailbox_full", 18: "server_disk_full",
    19: "earlier_refused", 20: "envelope_conflict", 21: "certificate_refused", 22: "account_disabled",
}
NUMBERS = {code: number for number, code in ERRORS.items()}


# --- codec -----------------------------------------------------------------------------------------------------

def frame(kind, request, body=b""):
    return struct.pack(">IBI", 5 + len(body), kind, request) + body


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return bytes([len(data)]) + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        assert self.at + size <= len(self.data), "a body ends early"
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def string(self):
        return self.take(self.unpack("B"))

    def name(self):
        text = self.string().decode("ascii")
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,31}", text), text
        return text

    def flag(self):
        value = self.unpack("B")
        assert value in (0, 1)
        return bool(value)

    def finish(self):
        assert self.at == len(self.data), f"{len(self.data) - self.at} bytes left over"


def read_welcome(body):
    r = Reader(body)
    said = {"time_ms": r.unpack("Q"), "epoch": r.take(16), "name": r.name(), "registration": r.unpack("B"),
            "set_id": r.unpack("I"), "one_time_left": r.unpack("H"), "waiting": r.unpack("I"),
            "window_max": r.unpack("H"), "is_renewal": r.flag(), "has_next_key": r.flag(),
            "next_key": r.take(32), "next_key_ms": r.unpack("Q")}
    r.finish()
    assert said["has_next_key"] or (said["next_key"] == bytes(32) and said["next_key_ms"] == 0)
    return said


def welcome(name, time_ms=None, epoch=b"\x11" * 16, registration=0, set_id=1, left=32, waiting=0, window=64,
            renewal=False, next_key=None, next_key_ms=0):
    time_ms = int(time.time() * 1000) if time_ms is None else time_ms
    return (struct.pack(">Q", time_ms) + epoch + string(name)
            + struct.pack(">BIHIH", registration, set_id, left, waiting, window)
            + bytes([renewal, next_key is not None]) + (next_key or bytes(32)) + struct.pack(">Q", next_key_ms))


def read_error(body):
    r = Reader(body)
    said = {"code": ERRORS.get(r.unpack("H")), "retry_after_s": r.unpack("I"), "detail": r.string().decode()}
    r.finish()
    return said


def error(code, retry_after_s=0, detail=""):
    return struct.pack(">HI", NUMBERS[code], retry_after_s) + string(detail)


def read_deliver(body):
    r = Reader(body)
    said = {"handle": r.unpack("Q"), "from": r.name(), "id": r.take(16), "accepted_ms": r.unpack("Q")}
    said["envelope"] = r.take(r.unpack("I"))
    r.finish()
    return said


def deliver(handle, sender, envelope, envelope_id=None, accepted_ms=None):
    accepted_ms = int(time.time() * 1000) if accepted_ms is None else accepted_ms
    return (struct.pack(">Q", handle) + string(sender) + (envelope_id or os.urandom(16))
            + struct.pack(">QI", accepted_ms, len(envelope)) + envelope)


def read_send(body):
    r = Reader(body)
    said = {"to": r.name(), "id": r.take(16)}
    said["envelope"] = r.take(r.unpack("I"))
    r.finish()
    return said


def send(to, envelope, envelope_id=None):
    return string(to) + (envelope_id or os.urandom(16)) + struct.pack(">I", len(envelope)) + envelope


def users(names, more=False):
    body = struct.pack(">H", len(names))
    for name in names:
        body += string(name) + struct.pack(">QB", 1_700_000_000_000, 0)
    return body + bytes([more])


def ack(*handles):
    return struct.pack(">H", len(handles)) + b"".join(struct.pack(">Q", one) for one in handles)


def publish(prekey_set=None, one_time=(), replace=False):
    return (bytes([replace, prekey_set is not None]) + (prekey_set or b"") + bytes([len(one_time)])
            + b"".join(one_time))


def renew(certificate, prekey_set, one_time):
    return certificate + prekey_set + bytes([len(one_time)]) + b"".join(one_time)


def text_body(text, msg_id=None, sent_ms=None):
    """The body of a text message (section 1.7)."""
    sent_ms = int(time.time() * 1000) if sent_ms is None else sent_ms
    return bytes([1]) + (msg_id or os.urandom(16)) + struct.pack(">Q", sent_ms) + text.encode()


def compact_junk(size=342):
    """An envelope of the form of a COMPACT message that nobody can open: servers take any."""
    return bytes([1, 0x12]) + os.urandom(size - 2)


# --- what people hand to each other (1.11) ---------------------------------------------------------------------

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def base32(data, bits):
    value = int.from_bytes(data, "big") >> max(0, 8 * len(data) - bits)
    pad = -bits % 5
    value <<= pad
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(bits + pad - 5, -1, -5))


def check_characters(prefix, text):
    return base32(hashlib.sha256((prefix + text).encode()).digest()[:2], 10)


def link(host, port, spki_hash, token=b"\x00" * 10):
    text = f"sotto://{host}:{port}/" + base32(spki_hash[:17], 130) + base32(token, 80)
    return text + check_characters("sotto-link:", text)


def mistyped(text, prefix, place):
    """`text`, which ends with two check characters, with another character at `place` from its end, so that they do not
    fit: one mistake in 1,024 they cannot tell."""
    at = len(text) - place
    changed = (text[:at] + one + text[at + 1:] for one in "0123456789" if one != text[at])
    return next(one for one in changed if check_characters(prefix, one[:-2].removesuffix(":")) != one[-2:])


def card(name, host, port, afp):
    text = f"sotto-card:1:{name}@{host}:{port}:" + base32(afp[:17], 130) + ":"
    return text + check_characters("sotto-card:", text[:-1])


# --- forge -----------------------------------------------------------------------------------------------------

class Forge:
    """One forge process; a request a call."""

    def __init__(self):
        self.process = sottotest.start([sottotest.program("forge")], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()

    def __call__(self, what, **fields):
        asked = {"make": what}
        for name, value in fields.items():
            if value is None:
                continue
            if isinstance(value, (bytes, bytearray)):
                value = value.hex()
            if isinstance(value, dict):
                value = {key: one.hex() if isinstance(one, bytes) else one for key, one in value.items()}
            if isinstance(value, (list, tuple)):
                value = [one.hex() if isinstance(one, bytes) else one for one in value]
            asked[name] = value
        with self.lock:
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        assert line, f"forge ended at {what}"
        return json.loads(line)


class Identity:
    """A forged account with one device: everything an honest device has, and every field free to choose."""

    def __init__(self, forge, name, now_ms=None, account=None, device=None, fields=None, epoch=1):
        self.forge, self.name, self.now_ms = forge, name, now_ms
        self.account = account or forge("account")["account"]
        self.device = device or forge("device")["device"]
        made = forge("certificate", account=self.account, device=self.device, name=name, created_ms=now_ms,
                     fields=fields, epoch=epoch)
        self.certificate = bytes.fromhex(made["certificate"])
        self.cid, self.afp = bytes.fromhex(made.get("cid", "")), bytes.fromhex(made.get("afp", ""))

    def renewed(self, epoch=2):
        """The same account with new device keys."""
        return Identity(self.forge, self.name, self.now_ms, self.account, epoch=epoch)

    def prekey_set(self, cid=None, now_ms=None, fields=None, set_id=1):
        made = self.forge("prekey_set", device=self.device, cid=cid or self.cid, now_ms=now_ms or self.now_ms,
                          fields=fields, set_id=set_id)
        self.set_secret = made["secret"]
        return bytes.fromhex(made["object"])

    def one_time(self, cid=None, now_ms=None, fields=None):
        made = self.forge("one_time", device=self.device, cid=cid or self.cid, now_ms=now_ms or self.now_ms,
                          fields=fields)
        self.one_time_secret = made["secret"]
        return bytes.fromhex(made["object"])

    def bundle(self):
        return self.certificate + self.prekey_set() + self.one_time()

    def login(self, exporter, cid=None):
        return bytes.fromhex(self.forge("login", device=self.device, exporter=exporter,
                                        cid=cid or self.cid)["login"])

    def initial(self, name, bundle, *texts, **options):
        """Envelopes of a new session with the owner of `bundle`, each with one text."""
        made = self.forge("initial", device=self.device, certificate=self.certificate, bundle=bundle, name=name,
                          bodies=[text_body(one, **options) for one in texts])
        return [bytes.fromhex(one["envelope"]) for one in made["envelopes"]]

    def accept(self, envelope):
        """What an INITIAL to this identity says, with the last set and one-time prekey made."""
        made = self.forge("accept", device=self.device, certificate=self.certificate, envelope=envelope,
                          set=self.set_secret, one_time=self.one_time_secret)
        return bytes.fromhex(made["body"])


# --- tlspipe ---------------------------------------------------------------------------------------------------

class Closed(Exception):
    """The other end hung up."""


class NoConnection(AssertionError):
    """Nobody listened, or the handshake broke; what tlspipe said of it."""


class Stream:
    """Frames over one TLS connection; `exporter` is bound to it."""

    def __init__(self, plain, exporter, process=None):
        self.plain, self.exporter, self.process, self.rest = plain, exporter, process, b""

    def write(self, data):
        try:
            self.plain.sendall(data)
        except OSError as problem:
            raise Closed from problem

    def read(self, size, seconds=20):
        while len(self.rest) < size:
            self.plain.settimeout(seconds)
            try:
                data = self.plain.recv(1 << 16)
            except socket.timeout:
                raise AssertionError(f"nothing came within {seconds} s") from None
            except OSError as problem:
                raise Closed from problem
            if not data:
                raise Closed
            self.rest += data
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def frame(self, seconds=20):
        """The next frame: (type, request, body)."""
        size, kind, request = struct.unpack(">IBI", self.read(9, seconds))
        return kind, request, self.read(size - 5, seconds)

    def frames_to_the_end(self, seconds=20):
        """Every frame until the other end closes; fails when it does not."""
        found = []
        try:
            while True:
                found.append(self.frame(seconds))
        except Closed:
            assert not self.rest, "the connection ends in the middle of a frame"
            return found

    def close(self):
        self.plain.close()
        if self.process:
            sottotest.end(self.process)


def token(link_text):
    """The ten bytes of a join link's token."""
    value = 0
    for character in link_text.rsplit("/", 1)[1][26:42].upper():
        value = value << 5 | ALPHABET.index(character)
    return value.to_bytes(10, "big")


def read_line(plain):
    line = b""
    while not line.endswith(b"\n"):
        byte = plain.recv(1)
        if not byte:
            raise Closed
        line += byte
    return json.loads(line)


def connect(server, source=None, options=()):
    """A TLS connection to a real server, not logged in."""
    near, far = socket.socketpair()
    with far:
        process = sottotest.start([sottotest.program("tlspipe"), "connect", *options, "--pin", server_spki(server),
                                   *(("--source", source) if source else ()), server.host, str(server.port)],
                                  stdin=far, stdout=far)
    near.settimeout(30)
    said = read_line(near)
    if "exporter" not in said:
        near.close()
        raise NoConnection(said)
    return Stream(near, bytes.fromhex(said["exporter"]), process)


def server_spki(server):
    """The whole SPKI hash of a running server, learnt from its first connection here and checked against `sottod key`."""
    if not hasattr(server, "spki"):
        near, far = socket.socketpair()
        with far:
            sottotest.start([sottotest.program("tlspipe"), "connect", server.host, str(server.port)], stdin=far, stdout=far)
        with near:
            near.settimeout(30)
            server.spki = read_line(near)["spki"]
        shown = server.run("key").out.split()[0].replace("-", "")
        assert base32(bytes.fromhex(server.spki)[:17], 130) == shown, "sottod key prints the pin"
    return server.spki


class Member:
    """A forged account on a real server, logged in over the """

    def __init__(self, forge, server, name, publishes=True):
        self.identity, self.server = Identity(forge, name), server
        self.stream, self.request = connect(server), 0
        answer = self.ask(REGISTER, self.identity.login(self.stream.exporter) + b"\x01"
                          + token(server.invite()) + self.identity.certificate)
        assert answer[0] == WELCOME, answer
        if publishes:
            one_time = [self.identity.one_time() for _ in range(4)]
            assert self.ask(PUBLISH, publish(self.identity.prekey_set(), one_time))[0] == DONE

    def login(self):
        """A new connection of the same device."""
        self.stream, self.request = connect(self.server), 0
        answer = self.ask(LOGIN, self.identity.login(self.stream.exporter))
        assert answer[0] == WELCOME, answer
        return read_welcome(answer[1])

    def say(self, kind, body=b"", request=None):
        self.request = self.request + 1 if request is None else request
        self.stream.write(frame(kind, self.request, body))
        return self.request

    def ask(self, kind, body=b""):
        """The answer to one request: (type, body)."""
        number = self.say(kind, body)
        kind, request, body = self.stream.frame()
        assert request == number, (kind, request, body)
        return kind, body


class Acceptor:
    """The product's TLS with a key of its own, accepting; plain frames come out of `accept`."""

    def __init__(self, folder, alpn=ALPN):
        # A Unix socket's path has at most 107 bytes; pytest's folders are longer.
        self.folder = tempfile.mkdtemp(prefix="sotto-")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(os.path.join(self.folder, "s"))
        self.listener.listen(64)
        os.makedirs(folder, exist_ok=True)
        self.process = sottotest.start(
            [sottotest.program("tlspipe"), "accept", "--alpn", alpn, "0", os.path.join(folder, "fake.pem"),
             os.path.join(self.folder, "s")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = json.loads(self.process.stdout.readline())
        self.port, self.spki_hash = said["port"], bytes.fromhex(said["spki"])

    def accept(self):
        try:
            plain, _ = self.listener.accept()
            return Stream(plain, bytes.fromhex(read_line(plain)["exporter"]))
        except (OSError, Closed):
            return None
