# SPDX-License-Identifier: ISC
"""Who somebody is: safety numbers, changed keys, cards of an administrator, and the server's own key."""
import json
import os
import shutil

import pytest

import sottotest
import wire
from sottotest import Client, Server, wait_until, world
from test_cli import Terminal
from test_errors import check, remove


def number_of(me, other):
    return me.run("verify", other, "--show", "--json").objects("person")[0]["number"]


def user(me, other, *args):
    return me.run("users", other, "--json", *args).objects("user")[0]


def grouped(number):
    return " ".join(number[i:i + 5] for i in range(0, len(number), 5))


def another_bob(server, folder):
    """The name changes hands: the admin frees it, and somebody with other keys takes it."""
    remove(server, "bob")
    new = Client(folder / "new", "bob")
    new.join(server.invite())
    return new


# --- safety numbers --------------------------------------------------------------------------------------------

def test_both_see_the_same_number_and_verify_with_it(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    number = number_of(ana, "bob")
    assert len(number) == 60 and number.isdigit()
    assert number_of(bob, "ana") == number

    said = ana.run("verify", "bob", "--number", grouped(number))
    assert "bob is verified" in said.err
    assert (user(ana, "bob")["trust"], user(ana, "bob")["how"]) == ("verified", "number")
    bob.run("verify", "ana", "--number", number)
    assert user(bob, "ana")["how"] == "number"
    bob.run("verify", "ana", "--card", "-", stdin=ana.card())
    assert user(bob, "ana")["how"] == "card"
    assert "(number)" in ana.run("users", "bob", "--plain").out


def test_every_digit_counts(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    number = number_of(ana, "bob")
    for change in range(0, 60, 7):
        wrong = number[:change] + str((int(number[change]) + 1) % 10) + number[change + 1:]
        check(ana.run("verify", "bob", "--number", wrong, expect=4), "number_different")
    assert user(ana, "bob")["trust"] == "unverified"


@pytest.mark.parametrize("text", ["", "12345", "1" * 59, "1" * 61, "1" * 59 + "x", "12345-" * 12])
def test_a_number_that_is_none(tmp_path, text):
    _, ana, _ = world(tmp_path, "ana", "bob")
    check(ana.run("verify", "bob", f"--number={text}", expect=2), "usage")


def test_show_prints_keys_trust_and_number(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    shown = ana.run("verify", "bob", "--show").out
    assert shown.startswith("bob: not verified\n") and "trusted" not in shown
    ana.send("bob", "hi")
    person = ana.run("verify", "bob", "--show", "--json").objects("person")[0]
    assert person["trusted_key"] == person["shown_key"] and person["trust"] == "unverified"
    assert person["own_key"].replace("-", "") in ana.card()
    assert person["shown_key"].replace("-", "") in bob.card()
    text = ana.run("verify", "bob", "--show").out
    for part in (person["own_key"], person["shown_key"], "since ", person["number"][:5]):
        assert part in text
    assert "".join(text.split("number")[1].split()) == person["number"]

    new = another_bob(server, tmp_path)
    changed = ana.run("verify", "bob", "--show", "--json").objects("person")[0]
    assert changed["trust"] == "changed" and changed["trusted_key"] == person["shown_key"]
    assert changed["shown_key"].replace("-", "") in new.card()
    text = ana.run("verify", "bob", "--show").out
    assert text.startswith("bob: CHANGED") and changed["shown_key"] in text and changed["trusted_key"] in text
    assert changed["number"] == number_of(new, "ana")


def test_without_a_terminal_something_to_compare_is_required(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    for args in ([], ["--no-input"]):
        said = check(ana.run("verify", "bob", *args, expect=2), "input_required")
        assert "--card" in said.err and "--number" in said.err


def test_on_a_terminal_the_number_is_shown_and_the_other_one_asked_for(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    number = number_of(bob, "ana")

    terminal = Terminal(ana, "verify", "bob")
    terminal.read_until("Enter stops: ")
    assert "sotto verify bob --card -" in terminal.text
    assert f"    {grouped(number[:20])}\n    {grouped(number[20:40])}\n    {grouped(number[40:])}\n" in terminal.text
    terminal.type("\n")
    assert terminal.end() == 0 and user(ana, "bob")["trust"] == "unverified"

    terminal = Terminal(ana, "verify", "bob")
    terminal.read_until("Enter stops: ")
    terminal.type(grouped(number[:55]) + "\n")
    assert terminal.end() == 2, "a part of the number is not enough"

    terminal = Terminal(ana, "verify", "bob")
    terminal.read_until("Enter stops: ")
    terminal.type(grouped(number[:-1] + str((int(number[-1]) + 1) % 10)) + "\n")
    assert terminal.end() == 4 and "number_different" in terminal.text

    terminal = Terminal(ana, "verify", "bob")
    terminal.read_until("Enter stops: ")
    terminal.type(grouped(number) + "\n")
    assert terminal.end() == 0 and "bob is verified." in terminal.text
    assert user(ana, "bob")["how"] == "number"


def test_one_way_at_a_time(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    for args in (["--show", "--undo"], ["--card", "-", "--number", "1"], ["--undo", "--accept"]):
        assert "only one of" in check(ana.run("verify", "bob", *args, stdin=bob.card(), expect=2), "usage").err
    assert "belongs to --accept" in check(ana.run("verify", "bob", "--undo", "--confirm", "bob", expect=2), "usage").err
    for args in (["--card", "-"], ["--number", "1" * 60], ["--show"], ["--undo"], ["--accept", "--confirm", "ana"]):
        said = check(ana.run("verify", "ana", *args, stdin=ana.card(), expect=2), "usage")
        assert "your own name" in said.err


# --- verified, and not any more --------------------------------------------------------------------------------

def test_undo_works_offline_and_keeps_the_key(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    server.stop()
    assert "not verified any more" in ana.run("verify", "bob", "--undo").err
    said = ana.run("verify", "bob", "--undo", "--json").objects("unverified")[0]
    assert said["was_verified"] is False and said["name"] == "bob"
    check(ana.run("verify", "bbo", "--undo", expect=2), "usage")
    server.start()
    assert user(ana, "bob")["trust"] == "unverified" and user(ana, "bob")["known"] is True
    ana.send("bob", "the key is still trusted")
    assert bob.texts() == ["the key is still trusted"]


def test_send_require_verified(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    for args in ([], ["--queue"], ["--wait=delivered"]):
        said = check(ana.send("bob", "secret", "--require-verified", *args, expect=4), "not_verified")
        assert "sotto verify bob --card -" in said.err
    ana.send("bob", "known, and not verified")
    check(ana.send("bob", "secret", "--require-verified", expect=4), "not_verified")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    assert ana.send_json("bob", "open", "--require-verified")["trust"] == "verified"
    ana.run("verify", "bob", "--undo")
    check(ana.send("bob", "secret", "--require-verified", expect=4), "not_verified")
    assert bob.texts() == ["known, and not verified", "open"]


def test_recv_require_verified_passes_over_others_and_keeps_them(tmp_path):
    _, ana, bob, carol = world(tmp_path, "ana", "bob", "carol")
    ana.run("verify", "carol", "--card", "-", stdin=carol.card())
    bob.send("ana", "bob 1")
    carol.send("ana", "carol 1")
    bob.send("ana", "bob 2")
    carol.send("ana", "carol 2")
    said = ana.run("recv", "--require-verified")
    assert [line.split(" ", 1)[1] for line in said.out.splitlines()] == ["carol: carol 1", "carol: carol 2"]
    assert said.err.count("sotto: left unread: 2 messages of bob, who is not verified\n") == 1 and "passed_over" in said.codes
    assert ana.run("status", "--json").objects("status")[0]["unread"] == 2
    assert ana.run("status", "--json").objects("status")[0]["unread_from"] == [{"from": "bob", "count": 2}]

    carol.send("ana", "carol 3")
    said = ana.run("recv", "--require-verified", "--json")
    assert [one["text"] for one in said.objects("message")] == ["carol 3"]
    assert said.objects("passed_over")[0]["from"] == "bob"

    bob.send("ana", "bob 3")
    assert ana.texts("-n", "1") == ["bob 1"]
    ana.run("recv", "--require-verified")
    assert ana.texts() == ["bob 2", "bob 3"], "what was passed over comes first, in its order"
    assert ana.texts() == []
    assert ana.run("status", "--json").objects("status")[0]["unread"] == 0


def test_who_is_verified_later_is_not_passed_over_any_more(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    bob.send("ana", "early")
    assert ana.texts("--require-verified") == []
    check(ana.run("recv", "--require-verified", "--wait=1s", expect=3), "no_message")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    said = ana.run("recv", "--require-verified", "--json")
    assert [one["text"] for one in said.objects("message")] == ["early"]
    assert said.objects("passed_over") == []


# --- changed keys ----------------------------------------------------------------------------------------------

def test_a_changed_key_is_held_and_taken_unseen_only_when_it_was_not_verified(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    assert bob.texts() == ["first"]
    new = another_bob(server, tmp_path)
    new.send("ana", "one")
    new.send("ana", "two")
    said = ana.run("recv")
    assert said.out == "" and "held" in said.codes

    said = check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert "trusted since " in said.err and "new since " in said.err and "(from the server, " in said.err
    assert "--accept" not in said.err and "sotto verify bob --card -" in said.err
    problem = json.loads(ana.send("bob", "secret", "--json", expect=4).err)
    assert problem["try"] == ["sotto verify bob --card -"] and problem["to"] == "bob"

    for args in (["--accept"], ["--accept", "--confirm", "bbo"]):
        assert "--confirm" in check(ana.run("verify", "bob", *args, expect=2), "usage").err
    said = ana.run("verify", "bob", "--accept", "--confirm", "Bob")
    assert "not compared" in said.err and "2 held messages can be received now" in said.err
    assert ana.texts() == ["one", "two"]
    assert user(ana, "bob")["trust"] == "unverified"
    ana.send("bob", "to the new one")
    assert new.texts() == ["to the new one"]
    again = ana.run("verify", "bob", "--accept", "--confirm", "bob", "--json").objects("accepted")[0]
    assert again["was_changed"] is False and again["released"] == 0


def test_accepting_the_key_of_somebody_new_says_what_it_does(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    said = ana.run("verify", "bob", "--accept", "--confirm", "bob")
    assert "already" not in said.err and "bob is not verified" in said.err
    assert user(ana, "bob")["known"] is True


def test_a_verified_key_is_never_replaced_unseen(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    ana.send("bob", "first")
    assert bob.texts() == ["first"]
    new = another_bob(server, tmp_path)
    said = check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert "you verified " in said.err and "(card)" in said.err

    said = check(ana.run("verify", "bob", "--accept", "--confirm", "bob", expect=2), "usage")
    assert "sotto verify bob --card -" in said.err and "sotto verify bob --undo" in said.err
    check(ana.send("bob", "secret", expect=4), "peer_key_changed")

    ana.run("verify", "bob", "--undo")
    check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    ana.run("verify", "bob", "--accept", "--confirm", "bob")
    ana.send("bob", "the waiver was two steps")
    assert new.texts() == ["the waiver was two steps"]


def test_what_waited_for_the_former_key_is_named(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    new = another_bob(server, tmp_path)
    waiting = [ana.send("bob", text, "--queue", "--json").objects("sent")[0]["id"] for text in ("one", "two")]
    assert "given_up" not in ana.run("recv").codes
    said = ana.run("verify", "bob", "--accept", "--confirm", "bob", "--json")
    told = [one for one in map(json.loads, said.err.splitlines()) if one["code"] == "given_up"]
    assert [one["id"] for one in told] == waiting and {one["to"] for one in told} == {"bob"}
    assert new.texts() == [] and "given_up" not in ana.run("recv").codes


def test_a_key_may_change_again_and_again(tmp_path):
    """Keys that were accepted once do not count among the two whose messages are held."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    for number in range(3):
        new = another_bob(server, tmp_path / str(number))
        new.send("ana", f"number {number}")
        assert "held" in ana.run("recv").codes
        ana.run("verify", "bob", "--accept", "--confirm", "bob")
        assert ana.texts() == [f"number {number}"]


def test_at_most_two_keys_of_one_name_are_held(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    for number in range(3):
        another_bob(server, tmp_path / str(number)).send("ana", f"number {number}")
        assert ("held" in ana.run("recv").codes) == (number < 2)


def test_a_number_releases_held_messages_too(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    bob.texts()
    new = another_bob(server, tmp_path)
    new.send("ana", "it is me")
    assert ana.texts() == []
    said = ana.run("verify", "bob", "--json", "--number", number_of(new, "ana")).objects("verified")[0]
    assert said["was_changed"] is True and said["released"] == 1 and said["how"] == "number"
    assert ana.texts() == ["it is me"]


# --- cards.d ---------------------------------------------------------------------------------------------------

def put_card(client, name, text, mode=0o644):
    folder = client.home / "config" / "cards.d"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_card_in_cards_d_verifies_before_first_contact(tmp_path):
    _, ana, bob, carol = world(tmp_path, "ana", "bob", "carol")
    put_card(ana, "bob.card", bob.card() + "\nwritten by the admin\n")
    put_card(ana, "ana.card", ana.card())
    put_card(ana, "README", "not a card, and not looked at")
    assert (user(ana, "bob")["trust"], user(ana, "bob")["how"]) == ("verified", "card file")
    assert ana.send_json("bob", "never met", "--require-verified")["trust"] == "verified"
    check(ana.send("carol", "hi", "--require-verified", expect=4), "not_verified")
    assert bob.texts() == ["never met"]
    shown = user(ana, "bob", "--keys")
    assert (shown["trust"], shown["how"]) == ("verified", "card file")
    bob.send("ana", "an answer")
    assert ana.texts("--require-verified") == ["an answer"]


def test_a_card_in_cards_d_cannot_be_undone_here(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    put_card(ana, "bob.card", bob.card())
    said = check(ana.run("verify", "bob", "--undo", expect=2), "usage")
    assert "cards.d" in said.err and "Nothing was changed" in said.err
    (ana.home / "config" / "cards.d" / "bob.card").unlink()
    assert user(ana, "bob")["trust"] == "verified"
    assert "bob is not verified any more." in ana.run("verify", "bob", "--undo").err


def test_a_card_in_cards_d_verifies_who_writes_first(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    put_card(ana, "bob.card", bob.card())
    bob.send("ana", "hello")
    assert [(one["text"], one["trust"]) for one in ana.recv("--require-verified")] == [("hello", "verified")]


def test_a_queued_message_stays_for_who_is_verified(tmp_path):
    """What was stored under a card goes to nobody once the card is gone, until the person is verified."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    card = put_card(ana, "bob.card", bob.card())
    ana.send("bob", "for the right one", "--queue", "--require-verified", "--id", "one")
    card.unlink()
    ana.run("recv")
    assert bob.texts() == []
    check(ana.send("bob", "for the right one", "--id", "one", expect=4), "not_verified")
    ana.run("verify", "bob", "--card", "-", stdin=bob.card())
    ana.run("recv")
    assert bob.texts() == ["for the right one"]


def test_another_key_than_the_card_says_is_refused_at_first_contact(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    put_card(ana, "bob.card", wire.card("bob", server.host, server.port, os.urandom(32)))
    said = check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert "on the card in cards.d" in said.err
    bob.send("ana", "it is me")
    said = ana.run("recv")
    assert said.out == "" and "held" in said.codes
    said = check(ana.run("verify", "bob", "--accept", "--confirm", "bob", expect=2), "usage")
    assert "cards.d" in said.err
    check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert bob.texts() == []


def test_cards_of_other_servers_are_passed_over(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    put_card(ana, "bob.card", wire.card("bob", "chat.example.org", server.port, os.urandom(32)))
    put_card(ana, "bob2.card", wire.card("bob", server.host, server.port + 1, os.urandom(32)))
    assert ana.send_json("bob", "hi")["trust"] == "unverified"
    assert bob.texts() == ["hi"]


@pytest.mark.parametrize("what", ["file", "group", "folder"])
def test_cards_that_others_can_write_are_refused(tmp_path, what):
    _, ana, bob = world(tmp_path, "ana", "bob")
    path = put_card(ana, "bob.card", bob.card())
    wrong = path.parent if what == "folder" else path
    wrong.chmod({"file": 0o646, "group": 0o664, "folder": 0o777}[what])
    said = check(ana.send("bob", "hi", expect=9), "store_permissions")
    assert f"chmod go-w {wrong}" in said.err and "Nothing was sent" not in bob.run("recv").out
    check(ana.run("recv", expect=9), "store_permissions")
    wrong.chmod(0o755 if what == "folder" else 0o644)
    ana.send("bob", "put right")
    assert bob.texts() == ["put right"]


def test_a_card_of_somebody_elses_is_refused(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("SKIPPED: needs root, to give a file away")
    _, ana, bob = world(tmp_path, "ana", "bob")
    path = put_card(ana, "bob.card", bob.card())
    os.chown(path, 65534, 65534)
    check(ana.send("bob", "hi", expect=9), "store_permissions")


@pytest.mark.parametrize("text, code", [("", "usage"), ("hello\n", "usage"), ("x" * 2000, "usage"), ("\n{card}", "usage"),
                                        ("{wrong}", "card_mistyped")])
def test_a_broken_card_stops_everything_and_is_named(tmp_path, text, code):
    _, ana, bob = world(tmp_path, "ana", "bob")
    card = bob.card()
    wrong = wire.mistyped(card, "sotto-card:", 8)
    path = put_card(ana, "bob.card", text.format(card=card, wrong=wrong))
    said = ana.send("bob", "hi", expect=2)
    assert said.code == code and str(path) in said.err and "Nothing was sent" in said.err
    assert ana.run("card").out.strip() == ana.card(), "what needs no connection works"
    path.unlink()
    assert bob.texts() == []


def test_two_cards_of_one_person_have_to_be_the_same(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    put_card(ana, "bob.card", bob.card())
    put_card(ana, "also-bob.card", bob.card())
    ana.send("bob", "the same twice")
    put_card(ana, "also-bob.card", wire.card("bob", server.host, server.port, os.urandom(32)))
    assert "two cards of bob differ" in check(ana.send("bob", "hi", expect=2), "usage").err
    assert bob.texts() == ["the same twice"]


def test_the_number_of_cards_has_a_bound(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    count = 4096
    for i in range(count):
        put_card(ana, f"p{i}.card", wire.card(f"p{i}", server.host, server.port, os.urandom(32)))
    ana.send("bob", "many cards")
    put_card(ana, "more.card", wire.card("more", server.host, server.port, os.urandom(32)))
    assert "more than can be used" in check(ana.send("bob", "hi", expect=2), "usage").err


def test_xdg_config_home_and_a_link_to_the_folder(tmp_path):
    """Without SOTTO_HOME the folder is found as the specification says; configuration management likes links."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    shutil.copytree(ana.home / "data", tmp_path / "share" / "sotto")
    real = tmp_path / "real"
    real.mkdir()
    (real / "bob.card").write_text(bob.card())
    (tmp_path / "etc" / "sotto").mkdir(parents=True)
    (tmp_path / "etc" / "sotto" / "cards.d").symlink_to(real)
    for path in (real, real / "bob.card"):
        path.chmod(0o755)
    more = {"SOTTO_HOME": None, "XDG_DATA_HOME": tmp_path / "share", "XDG_CONFIG_HOME": tmp_path / "etc"}
    said = ana.run("send", "bob", "--json", "--require-verified", "hi", **more)
    assert said.objects("sent")[0]["trust"] == "verified"
    more["XDG_CONFIG_HOME"] = None
    more["HOME"] = tmp_path
    ana.run("send", "bob", "--json", "hi", **more)


@pytest.mark.skipif(shutil.which("strace") is None or sottotest.REDUCED, reason="SKIPPED: strace is not there")
def test_the_folder_of_the_machine_is_looked_at_too(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    trace = tmp_path / "trace"
    ana.prefix = ["strace", "-f", "-e", "trace=%file", "-o", trace]
    ana.send("bob", "hi")
    assert '"/etc/sotto/cards.d"' in trace.read_text()


# --- the server's key ------------------------------------------------------------------------------------------

def reinstalled(server, folder):
    """Another server with another key, at the same address, on which nobody has an account."""
    server.stop()
    other = Server(folder / "other", port=server.port)
    other.start()
    return other


def test_config_server_key_pins_what_the_admin_told_and_nothing_else(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    old_key = server.run("key").out.split()[0]
    said = ana.run("config", "server-key", "--key", old_key)
    assert "trusted already" in said.err and old_key in said.err

    other = reinstalled(server, tmp_path)
    new_key = other.run("key").out.split()[0]
    said = check(ana.send("bob", "hi", expect=4), "server_key_changed")
    assert "sotto config server-key" in said.err and new_key in said.err and old_key in said.err
    wrong = new_key[:-1] + ("0" if new_key[-1] != "0" else "1")
    for key in (old_key, wrong):
        check(ana.run("config", "server-key", "--key", key, expect=4), "server_key_changed")
    check(ana.run("config", "server-key", "--key", new_key[:-3], expect=2), "usage")
    said = check(ana.run("config", "server-key", expect=2), "input_required")
    assert "--key" in said.err
    check(ana.send("bob", "hi", expect=4), "server_key_changed")

    said = ana.run("config", "server-key", "--key", new_key.lower().replace("-", " "), "--json")
    assert said.objects("server_key")[0] == {"v": 1, "type": "server_key", "server": server.address,
                                             "server_key": new_key, "was_pinned": False}
    check(ana.send("bob", "hi", expect=6), "login_refused")
    card = ana.card()
    for one in (ana, bob):
        if one is bob:
            bob.run("config", "server-key", "--key", new_key, "--no-input")
        one.run("join", other.invite(), "--no-input")
    assert ana.card() == card, "the same identity, registered again"
    ana.send("bob", "on the new server")
    assert bob.texts() == ["on the new server"]


def test_config_server_key_asks_on_a_terminal(tmp_path):
    server, ana, _ = world(tmp_path, "ana", "bob")
    old_key = server.run("key").out.split()[0]
    terminal = Terminal(ana, "config", "server-key")
    assert terminal.end() == 0 and "trusted already" in terminal.text

    new_key = reinstalled(server, tmp_path).run("key").out.split()[0]
    for answer, status, code in (("\n", 4, "server_key_changed"), (old_key + "\n", 4, "server_key_changed"),
                                 ("yes\n", 2, "usage"), (new_key[:20] + "\n", 2, "usage")):
        terminal = Terminal(ana, "config", "server-key")
        terminal.read_until("that the admin told: ")
        assert f"trusted     {old_key}\n" in terminal.text and f"shown now   {new_key}\n" in terminal.text
        terminal.type(answer)
        assert terminal.end() == status and code in terminal.text
    terminal = Terminal(ana, "config", "server-key")
    terminal.read_until("that the admin told: ")
    terminal.type(new_key + "\n")
    assert terminal.end() == 0 and "from now on" in terminal.text
    check(ana.run("status", expect=6), "login_refused")


def test_config_server_key_knows_the_key_that_was_announced(tmp_path):
    server, ana = world(tmp_path, "ana")
    server.run("key", "rotate", "--at", "2s")
    assert "server_key_announced" in ana.run("recv").codes
    wait_until(lambda: len(server.run("key").out.splitlines()) == 1, 10, 0.1, "the change of the key")
    terminal = Terminal(ana, "config", "server-key")
    terminal.read_until("trusted already: ")
    assert terminal.end() == 0 and "another key" not in terminal.text


def test_config_server_key_without_a_server_or_an_account(tmp_path):
    check(Client(tmp_path, "nobody").run("config", "server-key", "--key", "0" * 26, expect=6), "no_account")
    server, ana = world(tmp_path, "ana")
    server.stop()
    check(ana.run("config", "server-key", "--key", "0" * 26, expect=5), "server_unreachable")
    check(ana.run("config", "nonsense", expect=2), "usage")
