# SPDX-License-Identifier: ISC
"""The log of a server that is used and abused: no name, no address, no message, and no more lines than a disk can bear."""
import json
import os
import signal
import socket
import struct

import attacks
import sottotest
import wire
from sottotest import Server
from wire import ACCEPTED, ERROR, LOGIN, SEND, Identity, Member

NAMES = ["anastasia", "bartholomew", "nonesuch"]
A_MINUTE = 10  # lines of a kind
FLOOD, SHARE = 30, 4


def refused_login(server, stranger, number):
    """From an address of its own each."""
    stream = wire.connect(server, source=f"127.77.0.{1 + number}")
    stream.write(wire.frame(LOGIN, 1, stranger.login(stream.exporter)))
    assert wire.read_error(stream.frame()[2])["code"] == "login_refused"
    stream.close()


def too_many_from_one(server, count):
    made = []
    for _ in range(count):
        one = socket.socket()
        one.bind(("127.77.1.1", 0))
        one.connect((server.host, server.port))
        made.append(one)
    sottotest.wait_until(lambda: server.run("stats", "--json").objects("stats")[0]["turned_away_total"] >= FLOOD, what="a share")
    for one in made:
        one.close()


def use_and_abuse(server, forge):
    """Registrations, messages, refusals and floods. Returns all that the log must not hold."""
    ana, bob = Member(forge, server, NAMES[0]), Member(forge, server, NAMES[1])
    ids = [os.urandom(16) for _ in range(3)]
    for one in ids:
        assert ana.ask(SEND, wire.send(NAMES[1], wire.compact_junk(), one))[0] == ACCEPTED
    bob.say(wire.FETCH, struct.pack(">H", 16))
    for one in ids:
        assert wire.read_deliver(bob.stream.frame()[2])["id"] == one
    assert ana.ask(SEND, wire.send(NAMES[2], wire.compact_junk()))[0] == ERROR
    stranger = Identity(forge, NAMES[2])
    for number in range(A_MINUTE + 2):
        refused_login(server, stranger, number)
    with attacks.malformed_frames(server, FLOOD):
        pass
    too_many_from_one(server, SHARE + FLOOD)
    return [*NAMES, *(one.hex() for one in ids), ana.identity.cid.hex()]


def log_of(tmp_path, forge, *conf):
    """Lines that the server wrote between its first connection and its end."""
    server = Server(tmp_path)
    server.data.mkdir(0o700)
    (server.data / "sottod.conf").write_text("".join(f"{line}\n" for line in ("log-level = detail", f"before-login-per-address = {SHARE}", *conf)))
    server.start()
    begin = len(server.log())
    secrets = use_and_abuse(server, forge)
    assert server.stop() == 0
    said = server.log()[begin:]
    assert not [secret for secret in secrets if secret in said.lower()], said
    return said


def test_nobody_is_named_and_no_flood_fills_a_disk(tmp_path, forge):
    said = log_of(tmp_path, forge)
    assert "127." not in said and "::ffff" not in said, said
    for line in ("a login or a registration was refused", "a connection was turned away", "it broke the protocol"):
        assert said.count(line) == A_MINUTE, (line, said)
    assert "sottod: 2 more logins and registrations were refused\n" in said
    assert f"sottod: {FLOOD - A_MINUTE} more connections were ended that broke the protocol\n" in said


def test_addresses_are_named_where_the_administrator_wants_it(tmp_path, forge):
    said = log_of(tmp_path, forge, "log-addresses = yes", "log = json")
    lines = [json.loads(line) for line in said.splitlines()]
    refused = [line for line in lines if line.get("kind") == "login_refused"]
    assert [line.get("address") for line in refused] == [f"127.77.0.{1 + i}" for i in range(A_MINUTE)] + [None]
    assert refused[-1]["more"] == 2
    assert {line["address"] for line in lines if line.get("kind") == "turned_away" and "more" not in line} == {"127.77.1.1"}


def test_whether_addresses_are_named_changes_while_it_runs(tmp_path, forge):
    server = Server(tmp_path)
    server.start()
    stranger = Identity(forge, NAMES[2])
    refused_login(server, stranger, 0)
    (server.data / "sottod.conf").write_text("log-addresses = yes\nlog = json\n")
    server.process.send_signal(signal.SIGHUP)
    sottotest.wait_until(lambda: "log-addresses = yes" in server.log(), what="SIGHUP")
    refused_login(server, stranger, 1)
    assert "(from " not in server.log() and '"kind":"login_refused","address":"127.77.0.2"' in server.log()
    assert server.stop() == 0
