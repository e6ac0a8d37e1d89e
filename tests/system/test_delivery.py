# SPDX-License-Identifier: ISC
"""Delivery to the end: confirmations, what a command waits for, and what every command takes in on its way."""
import json
import os
import re
import struct
import time

import pytest

import sottotest
import wire
from fake import FakeServer
from sottotest import Client, program, world
from test_cli import Terminal
from test_errors import check

HOUR_MS = 3600 * 1000


def sent_of(result):
    return result.objects("sent")[0]


def test_wait_delivered_while_the_other_one_listens(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    waiting = bob.start("recv", "--wait=30s", "-n", "2", "--json")
    time.sleep(0.5)
    sent = ana.send_json("bob", "one", "--wait=delivered")
    assert sent["state"] == "delivered" and sent["repeated"] is False
    out, err = waiting.communicate(timeout=40)
    assert waiting.returncode == 0, err
    assert json.loads(out.splitlines()[0])["id"] == sent["id"]


@pytest.mark.parametrize("form", [["--wait", "delivered"], ["--wait=delivered"]])
def test_wait_delivered_that_ran_out_is_exit_3_and_the_message_stays_sent(tmp_path, form):
    _, ana, bob = world(tmp_path, "ana", "bob")
    began = time.monotonic()
    said = check(ana.run("send", *form, "--timeout", "1s", "bob", "you are away", expect=3), "not_confirmed")
    assert 1 <= time.monotonic() - began < 15 and "within 1 s" in said.err and said.out == ""
    again = re.search(r"sotto (send --id (\S+) --wait=delivered bob) ", said.err)
    assert sent_of(ana.run(*again[1].split(), "x", "--json", "--timeout=1s", expect=3))["id"] == again[2]
    said = ana.run("send", *form, "--timeout", "1s", "--json", "--id", "k", "bob", "still away", expect=3)
    assert sent_of(said)["state"] == "accepted"
    problem = json.loads(said.err)
    assert problem["code"] == "not_confirmed" and problem["retry"] is True
    assert problem["try"] == ['sotto send --id k --wait=delivered bob "..."']
    assert bob.texts() == ["you are away", "still away"]


def test_the_same_id_asks_again_what_became_of_the_message(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    first = sent_of(ana.run("send", "--json", "--id", "k", "--wait=delivered", "--timeout=1s", "bob", "first", expect=3))
    again = sent_of(ana.run("send", "--json", "--id", "k", "--wait=delivered", "--timeout=1s", "bob", "2nd", expect=3))
    assert (again["id"], again["state"], again["repeated"]) == (first["id"], "accepted", True)
    assert bob.texts() == ["first"]
    again = ana.send_json("bob", "3rd", "--id", "k", "--wait=delivered")
    assert (again["id"], again["state"], again["repeated"]) == (first["id"], "delivered", True)
    again = ana.send_json("bob", "4th", "--id", "k")
    assert (again["id"], again["state"]) == (first["id"], "delivered"), "known here, without asking anybody"
    assert bob.texts() == []


def test_a_repeat_waits_for_a_confirmation_that_comes_later(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first", "--id", "k")
    waiting = ana.start("send", "bob", "--id", "k", "--wait=delivered", "--timeout=30s", "--json", "again")
    time.sleep(0.5)
    assert bob.texts() == ["first"]
    out, err = waiting.communicate(timeout=40)
    assert waiting.returncode == 0, err
    assert json.loads(out)["state"] == "delivered"


def test_on_an_open_server_only_contacts_are_told(tmp_path):
    """Whom one has never written to learns nothing of whether one is there."""
    server = sottotest.Server(tmp_path, "--registration", "open")
    server.start()
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    for one in (ana, bob):
        one.run("register", one.name, "--server", server.address, "--accept-new-key", "--no-input")
    ana.send("bob", "who are you?", "--id", "k")
    assert bob.texts() == ["who are you?"]
    check(ana.send("bob", "", "--id", "k", "--wait=delivered", "--timeout", "1s", expect=2), "empty_message")
    check(ana.send("bob", "x", "--id", "k", "--wait=delivered", "--timeout", "1s", expect=3), "not_confirmed")
    bob.send("ana", "bob")
    ana.send("bob", "glad to hear", "--id", "l")
    assert bob.texts() == ["glad to hear"]
    assert ana.send_json("bob", "x", "--id", "l", "--wait=delivered")["state"] == "delivered"


def test_wait_queued_is_queue(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    server.stop()
    for text, form in (("one", "--queue"), ("two", "--wait=queued")):
        assert ana.send_json("bob", text, form)["state"] == "queued"
    server.start()
    ana.run("users")
    assert bob.texts() == ["one", "two"]


def test_wait_delivered_without_a_server_says_what_is_known(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi", "--id", "k")
    server.stop()
    check(ana.send("bob", "hi", "--id", "k", "--wait=delivered", expect=5), "server_unreachable")
    check(ana.send("bob", "new", "--wait=delivered", expect=5), "server_unreachable")
    server.start()
    assert bob.texts() == ["hi"]


def test_every_command_takes_in_what_waits_and_confirms_it(tmp_path):
    """Bob only asks who is there: what ana wrote is committed and confirmed, and shown by a later recv."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    for number, command in enumerate((["users"], ["status"], ["send", "ana", "hi"], ["users", "ana", "--keys"],
                                      ["verify", "ana", "--show"])):
        sent = ana.send_json("bob", f"text {number}", "--id", f"k{number}")
        assert sent["state"] == "accepted"
        bob.run(*command)
        sent = ana.send_json("bob", "again", "--id", f"k{number}", "--wait=delivered")
        assert sent["state"] == "delivered", command
    status = bob.run("status", "--json").objects("status")[0]
    assert status["unread"] == 5 and status["waiting"] == 0
    assert bob.texts() == [f"text {number}" for number in range(5)]


def test_a_status_counts_what_it_has_taken_in(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi")
    status = bob.run("status", "--json").objects("status")[0]
    assert (status["unread"], status["waiting"]) == (1, 0)


def test_a_confirmation_leaves_before_the_command_ends(tmp_path):
    """Nothing of bob runs any more when ana asks: the receipt is on the server."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi", "--id", "k")
    began = time.monotonic()
    assert bob.texts() == ["hi"]
    assert time.monotonic() - began < 5
    sent = ana.send_json("bob", "hi", "--id", "k", "--wait=delivered", "--timeout", "5s")
    assert sent["state"] == "delivered"


def test_messages_are_on_time_and_kept(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi")
    message = bob.recv()[0]
    assert message["late"] is False and "life_s" not in message and "missing" not in message


def test_receipts_are_no_messages(tmp_path):
    """Both ends confirm each other's texts; nobody is shown a confirmation, and none is confirmed in turn."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    for turn in range(3):
        ana.send("bob", f"a{turn}", "--wait=accepted")
        assert bob.texts() == [f"a{turn}"]
        bob.send("ana", f"b{turn}")
        assert ana.texts() == [f"b{turn}"]
    for one in (ana, bob, ana, bob):
        assert one.texts() == []
    for one in (ana, bob):
        status = one.run("status", "--json").objects("status")[0]
        assert (status["unread"], status["outbox"]) == (0, 0)


def test_a_person_at_a_terminal_reads_delivered(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi", "--id", "k")
    bob.run("recv")
    terminal = Terminal(ana, "send", "bob", "--id", "k", "--wait=delivered", "hi")
    assert terminal.end() == 0
    assert "Sent to bob (delivered) by an earlier command with this --id." in terminal.text


# --- what an honest server does not do: late, lost, with a life, out of time -----------------------------------

@pytest.fixture
def fake(tmp_path):
    return FakeServer(tmp_path, wire.Forge())


def people(fake, folder, *names):
    found = []
    for name in names:
        client = Client(folder, name)
        client.join(fake.link())
        found.append(client)
    return found


def days_on(fake, days):
    """From here on it is so many days later, for the server and for whoever gets this environment."""
    fake.welcome_fields["time_ms"] = int((time.time() + days * 86400) * 1000)
    return {"LD_PRELOAD": program("later.so"), "LATER_S": days * 86400}


@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: they have to be loaded first")
def test_a_message_that_did_not_come_is_named_after_two_days_and_late_when_it_comes(fake, tmp_path):
    ana, bob = people(fake, tmp_path, "ana", "bob")
    for sender, to, text in ((ana, bob, "from ana"), (bob, ana, "from bob"), (ana, bob, "and back")):
        sender.send(to.name, text)
        assert to.texts() == [text]
    kept = []
    fake.carry = lambda letter: kept.append(letter) or []
    for text in ("one", "two", "three"):
        bob.send("ana", text)
    fake.carry = lambda letter: [letter]
    fake.post(kept[0])
    fake.post(kept[2])
    said = ana.run("recv", "--wait=4s", "-n", "2", "--json")
    assert [(one["text"], one["late"]) for one in said.objects("message")] == [("one", False), ("three", False)]
    assert "message_lost" not in said.codes

    then = days_on(fake, 3)
    lost = ana.run("recv", "--json", **then).objects("message_lost")
    assert [(one["from"], one["message"]) for one in lost] == [("bob", "1 message from bob did not arrive")]
    assert ana.run("recv", **then).codes == [], "said once"
    fake.post(kept[1])
    said = ana.run("recv", **then)
    assert said.out.rstrip().endswith("bob (late): two"), repr(said)


def test_a_message_with_a_life_and_one_of_an_unknown_kind(fake, tmp_path):
    ana, = people(fake, tmp_path, "ana")
    bob = wire.Identity(fake.forge, "bob")
    fake.people["bob"] = bob.bundle

    def body(kind, content, sent_ms):
        return bytes([kind]) + os.urandom(16) + struct.pack(">Q", sent_ms) + content
    now = int(time.time() * 1000)
    bodies = [body(8, struct.pack(">I", 7200) + b"burn it", now), body(99, b"what is this", now + 1)]
    made = fake.forge("initial", device=bob.device, certificate=bob.certificate, bundle=fake.bundle_of("ana"),
                      name="ana", bodies=bodies)
    fake.mail = [("bob", bytes.fromhex(one["envelope"])) for one in made["envelopes"]]
    first, second = ana.recv()
    assert (first["kind"], first["text"], first["life_s"]) == ("text", "burn it", 7200)
    assert second["kind"] == "unsupported" and "text" not in second and "life_s" not in second


@pytest.mark.parametrize("minutes, words", [(192, "3 h 12 min behind"), (-90, "1 h 30 min ahead of")])
def test_a_clock_that_is_a_little_off_is_a_note(fake, tmp_path, minutes, words):
    ana, bob = people(fake, tmp_path, "ana", "bob")
    fake.welcome_fields["time_ms"] = int(time.time() * 1000) + minutes * 60000 + (20000 if minutes > 0 else -20000)
    said = ana.send("bob", "sent all the same")
    assert f"this machine's clock is {words} {fake.address}" in said.err and "Connected anyway" in said.err
    assert said.codes == ["clock_skew"]
    fake.welcome_fields["time_ms"] = int(time.time() * 1000) + 50 * 60000
    assert ana.send("bob", "less than an hour is not worth a word").err == ""
    fake.welcome_fields["time_ms"] = int(time.time() * 1000) + 60 * HOUR_MS
    said = ana.send("bob", "running sessions go on")
    assert "2 days 1" in said.err and "Nothing is begun, renewed or erased" in said.err


def test_large_messages_come_without_pauses(forge, server):
    """What the server may go on with when its output has left, it does at once, and not at its next tick: then each window
    of a mebibyte, which is read in parts, would take two seconds."""
    ana, bob = wire.Member(forge, server, "ana"), wire.Member(forge, server, "bob")
    envelopes = [wire.compact_junk(60_000) for _ in range(96)]
    for envelope in envelopes:
        assert ana.ask(wire.SEND, wire.send("bob", envelope))[0] == wire.ACCEPTED
    began = time.monotonic()
    bob.say(wire.FETCH, struct.pack(">H", 17))
    for at in range(0, len(envelopes), 17):
        handles = []
        for envelope in envelopes[at:at + 17]:
            kind, _, body = bob.stream.frame()
            delivered = wire.read_deliver(body)
            assert kind == wire.DELIVER and delivered["envelope"] == envelope
            handles.append(delivered["handle"])
        bob.say(wire.ACK, wire.ack(*handles))
    assert time.monotonic() - began < 3
