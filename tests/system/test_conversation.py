# SPDX-License-Identifier: ISC
"""Two people talk through sottod: the main job, as a person does it by hand."""
import re

import pytest

from sottotest import Client, Server, world

ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_message_sent_while_the_other_is_away_survives_kill_9_and_is_answered(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")

    ana.send("bob", "dinner at eight?")
    server.kill()
    server.start()

    assert bob.texts() == ["dinner at eight?"]
    bob.send("ana", "eight is fine")
    assert ana.texts() == ["eight is fine"]
    assert bob.texts() == [], "a message is shown once"

    for me, other in ((ana, bob), (bob, ana)):
        said = me.run("verify", other.name, "--card", "-", stdin=other.card() + "\n")
        assert f"{other.name} is verified" in said.out + said.err
        assert me.run("users", other.name, "--json").objects("user")[0]["trust"] == "verified"
    assert server.stop() == 0


def test_a_longer_conversation_keeps_every_text_and_its_order(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    for turn in range(4):
        there = [f"ana {turn}.{i}" for i in range(5)]
        for text in there:
            ana.send("bob", text)
        assert bob.texts() == there
        back = [f"bob {turn}.{i}" for i in range(3)]
        for text in back:
            bob.send("ana", text)
        assert ana.texts() == back


def test_both_begin_at_once(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "from ana")
    bob.send("ana", "from bob")
    assert ana.texts() == ["from bob"]
    assert bob.texts() == ["from ana"]
    ana.send("bob", "again from ana")
    bob.send("ana", "again from bob")
    assert ana.texts() == ["again from bob"]
    assert bob.texts() == ["again from ana"]


@pytest.mark.parametrize("text", ["x", "ä € 𝄞 \u202e rtl", "two\nlines\tand a tab", "y" * 65000, "-n", "a" * 226, "a" * 227])
def test_every_text_arrives_as_it_was(tmp_path, text):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.run("send", "bob", "-", stdin=text)
    assert bob.texts() == [text]


def test_stdin_rule(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.run("send", "bob", "words", "are", "joined", stdin=b"and stdin is not touched")
    ana.run("send", "bob", stdin=b"from a pipe\n")
    ana.run("send", "bob", "-", stdin=b"one newline goes\n\n")
    assert bob.texts() == ["words are joined", "from a pipe", "one newline goes\n"]


def test_send_is_silent_where_nobody_looks(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    said = ana.send("bob", "cron stays silent")
    assert (said.out, said.err) == ("", "")


def test_send_json(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    sent = ana.send_json("bob", "hi")
    assert sent["v"] == 1 and sent["type"] == "sent" and sent["to"] == "bob"
    assert sent["state"] == "accepted" and sent["trust"] == "unverified"
    assert ID.fullmatch(sent["id"]) and TIME.fullmatch(sent["time"])
    got = bob.recv()[0]
    assert got["id"] == sent["id"] and got["time"] == sent["time"]


def test_recv_json(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi")
    message = bob.recv()[0]
    expected = {"v": 1, "type": "message", "chat": "ana", "from": "ana", "to": ["bob"], "kind": "text", "text": "hi",
                "trust": "unverified"}
    assert {key: message.get(key) for key in expected} == expected
    assert ID.fullmatch(message["id"])
    assert TIME.fullmatch(message["time"]) and TIME.fullmatch(message["received"])


def test_recv_prints_a_line_a_message(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "deploy finished")
    ana.send("bob", "two\nlines")
    lines = bob.run("recv").out.splitlines()
    assert re.fullmatch(r"\d\d:\d\d ana: deploy finished", lines[0])
    assert re.fullmatch(r"\d\d:\d\d ana: two", lines[1])
    assert lines[2] == "  lines", "a message can't forge the line of another"


def test_recv_waits_and_counts(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    waiting = bob.start("recv", "--wait=20s", "-n", "1", "--json")
    ana.send("bob", "one")
    ana.send("bob", "two")
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, err
    assert out.decode().count("\n") == 1 and '"one"' in out.decode()
    assert bob.texts("-n", "5") == ["two"]


def test_users(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob", "carol")[:3]
    ana.send("bob", "hi")
    objects = {user["name"]: user for user in ana.run("users", "--json").objects("user")}
    assert list(objects) == ["ana", "bob", "carol"]
    assert objects["bob"]["trust"] == "unverified"
    assert [user["name"] for user in ana.run("users", "aro", "--json").objects("user")] == ["carol"]
    piped = ana.run("users").out.splitlines()
    assert [line.split("\t")[0] for line in piped] == ["ana", "bob", "carol"]


def test_users_keys_shows_the_public_key_of_one_user(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    text = ana.run("users", "bob", "--keys").out
    assert "RSA-2048" in text
    user = ana.run("users", "bob", "--keys", "--json").objects("user")[0]
    key = user["keys"][0]
    assert key["alg"] == "RSA-2048" and re.fullmatch(r"[0-9a-f]{64}", key["sha256"])
    own = bob.run("users", "bob", "--keys", "--json").objects("user")[0]
    assert own["keys"][0]["sha256"] == key["sha256"], "both see the same key"


def test_status(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi")
    status = bob.run("status", "--json").objects("status")[0]
    assert status["v"] == 1 and status["name"] == "bob" and status["connected"] is True
    text = bob.run("status").out
    assert f"bob@{server.address}" in text
    server.stop()
    assert bob.run("status", "--json", expect=(0, 5)).objects("status")[0]["connected"] is False


def test_card_names_the_account(tmp_path):
    server, ana = world(tmp_path, "ana")
    assert re.fullmatch(rf"sotto-card:1:ana@{re.escape(server.address)}:[0-9A-Z]{{26}}:[0-9A-Z]{{2}}", ana.card())


def test_a_card_verifies_before_the_first_message(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    assert ana.send_json("bob", "hi")["trust"] == "verified"


def test_join_again_with_the_same_link_changes_nothing(tmp_path):
    server = Server(tmp_path)
    server.start()
    link = server.invite()
    ana = Client(tmp_path, "ana")
    ana.join(link)
    card = ana.card()
    again = ana.join(link)
    assert "already" in again.out + again.err
    assert ana.card() == card


def test_the_link_of_an_invite_may_be_typed_in_any_case_and_read_from_stdin(tmp_path):
    server = Server(tmp_path)
    server.start()
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    head, payload = server.invite().rsplit("/", 1)
    ana.join(head + "/" + payload.lower())
    bob.run("join", "-", "--name", "bob", "--no-input", stdin=server.invite() + "\n")
    ana.send("bob", "hi")
    assert bob.texts() == ["hi"]


def test_register_on_an_open_server(tmp_path):
    server = Server(tmp_path, "--registration", "open")
    server.start()
    key = server.run("key").out.strip()
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    ana.run("register", "ana", "--server", server.address, "--key", key, "--no-input")
    bob.run("register", "bob", "--server", server.address, "--accept-new-key", "--no-input")
    ana.send("bob", "hi")
    assert bob.texts() == ["hi"]


def test_a_passphrase_protects_the_profile(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob", passphrase="correct horse")
    ana.send("bob", "hi")
    assert bob.texts() == ["hi"]
    assert "passphrase" in ana.run("status").out
    bob.passphrase_file.write_text("wrong horse")
    said = bob.run("recv", expect=6)
    assert said.code == "wrong_passphrase"


def test_id_makes_a_repeat_safe(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    first = ana.send_json("bob", "disk 91 %", "--id", "disk-today")
    second = ana.send_json("bob", "disk 92 %", "--id", "disk-today")
    assert second["id"] == first["id"]
    assert bob.texts() == ["disk 91 %"]


def test_queue_keeps_a_message_until_a_later_command_connects(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "pin the key")
    server.stop()
    assert ana.send_json("bob", "later", "--queue")["state"] == "queued"
    server.start()
    ana.run("status")
    ana.run("recv")
    assert bob.texts() == ["pin the key", "later"]


def test_two_profiles_in_one_home(tmp_path):
    server = Server(tmp_path)
    server.start()
    one = Client(tmp_path, "one")
    for name in ("ana", "bob"):
        one.run("--profile", name, "join", server.invite(), "--name", name, "--no-input")
    one.run("--profile", "ana", "send", "bob", "hi")
    assert one.run("--profile", "bob", "recv", "--json").objects("message")[0]["text"] == "hi"


def test_ipv6(tmp_path):
    server = Server(tmp_path, host="::1")
    server.start()
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    ana.join(server.invite())
    bob.join(server.invite())
    ana.send("bob", "over IPv6")
    assert bob.texts() == ["over IPv6"]


def test_the_server_says_figures_and_no_names_when_asked_to(tmp_path):
    server = Server(tmp_path, "-v")
    server.start()
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    for one in (ana, bob):
        one.join(server.invite())
    ana.send("bob", "counted")
    assert bob.texts() == ["counted"]
    assert server.stop() == 0
    figures = re.search(r"(\d+) messages accepted, 0 offered again, (\d+) delivered", server.log())
    assert figures and int(figures[1]) > 1 and int(figures[2]) >= 1, "the text, and what confirms it"
    assert "ana" not in server.log().replace(str(tmp_path), "") and "counted" not in server.log()
