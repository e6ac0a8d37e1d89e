# SPDX-License-Identifier: ISC
"""Delivery to the end: confirmations, what a command waits for, and what every command takes in on its way."""
import json
import time

import pytest

from sottotest import world
from test_cli import Terminal
from test_errors import check


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
    said = ana.run("send", *form, "--timeout", "1s", "--json", "--id", "k", "bob", "still away", expect=3)
    assert sent_of(said)["state"] == "accepted"
    assert json.loads(said.err)["code"] == "not_confirmed" and json.loads(said.err)["retry"] is True
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
