# SPDX-License-Identifier: ISC
"""The errors that people meet with an honest server: each provoked through the real programs."""
import json
import os
import shutil
import signal
import socket
import time

import pytest

import sottotest
import wire
from sottotest import Client, Server, environment, program, run, world


def check(result, code):
    """The last lines are what UX promises: help indented, then [code, exit N]."""
    assert result.code == code, repr(result)
    lines = result.err.rstrip("\n").splitlines()
    assert lines[-1] == f"  [{code}, exit {result.exit}]", repr(result)
    first = next(line for line in lines if line.startswith(("sotto: ", "sottod: ")))
    assert len(first.split(": ", 1)[1]) <= 160 and "{" not in result.err, repr(result)
    return result


# --- usage: exit 2 ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [["send"], ["sned"], ["recv", "--no-such-option"], ["send", "bob", "hi", "--id"],
                                  ["recv", "--wait=soon"], ["recv", "-n", "0"], ["recv", "-n", "x"], [],
                                  ["users", "a", "b"], ["verify", "bob", "--accept"], ["config", "timeoot"],
                                  ["send", "bob", "hi", "--wait=never"], ["join", "http://example.org/"]])
def test_usage(tmp_path, args):
    check(Client(tmp_path, "ana").run(*args, expect=2), "usage")


def test_a_mistyped_command_is_named_and_never_run(tmp_path):
    said = Client(tmp_path, "ana").run("sned", "bob", expect=2)
    assert "Did you mean 'send'?" in said.err


@pytest.mark.parametrize("args", [["--no-such-option"], ["--port", "65536"], ["--port", "http"],
                                  ["--max-clients", "0"], ["--registration", "maybe"], ["frobnicate"]])
def test_usage_of_sottod(tmp_path, args):
    check(run([program("sottod"), "--data", str(tmp_path / "d"), *args], 2, env=environment(tmp_path)), "usage")


def test_name_invalid(tmp_path):
    server, ana = world(tmp_path, "ana")
    check(ana.send("No Such Name!", "hi", expect=2), "name_invalid")
    check(Client(tmp_path, "b").run("join", server.invite(), "--name", "-bob", "--no-input", expect=2),
          "name_invalid")


def test_link_mistyped(tmp_path):
    server = Server(tmp_path)
    server.start()
    link = server.invite()
    wrong = wire.mistyped(link, "sotto-link:", 5)
    check(Client(tmp_path, "ana").join(wrong, 2), "link_mistyped")


def test_card_mistyped(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    card = bob.card()
    wrong = wire.mistyped(card, "sotto-card:", 8)
    check(ana.run("verify", "bob", "--card", "-", stdin=wrong, expect=2), "card_mistyped")


def test_empty_message(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    check(ana.run("send", "bob", stdin=b"", expect=2), "empty_message")


@pytest.mark.parametrize("data", [b"a\0b", b"\xff\xfe", b"\xed\xa0\x80"])
def test_not_text(tmp_path, data):
    _, ana, bob = world(tmp_path, "ana", "bob")
    check(ana.run("send", "bob", stdin=data, expect=2), "not_text")
    assert bob.texts() == []


def test_self_recipient(tmp_path):
    _, ana = world(tmp_path, "ana")
    check(ana.send("ana", "hi", expect=2), "self_recipient")


def test_input_required(tmp_path):
    server = Server(tmp_path, "--registration", "open")
    server.start()
    ana = Client(tmp_path, "ana")
    check(ana.run("join", server.invite(), "--no-input", expect=2), "input_required")
    check(ana.run("register", "ana", "--server", server.address, "--no-input", expect=2), "input_required")


# --- nothing came: exit 3 --------------------------------------------------------------------------------------

def test_no_message(tmp_path):
    _, ana = world(tmp_path, "ana")
    said = check(ana.run("recv", "--wait=1s", expect=3), "no_message")
    assert 0.9 < said.seconds < 10


# --- trust: exit 4 ---------------------------------------------------------------------------------------------

def test_server_key_changed(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    server.stop()
    other = Server(tmp_path / "other", port=server.port)
    other.start()
    said = check(ana.send("bob", "hi", expect=4), "server_key_changed")
    assert other.run("key").out.split()[0] in said.err, "the key shown now is named"
    other.stop()
    server.start()
    ana.send("bob", "the right server again")
    assert bob.texts() == ["the right server again"]


def test_a_join_link_for_another_server_key_makes_no_account(tmp_path):
    server = Server(tmp_path)
    server.start()
    wrong = wire.link(server.host, server.port, os.urandom(32))
    check(Client(tmp_path, "ana").join(wrong, 4), "server_key_changed")


def remove(server, name):
    server.run("user", "remove", name, "--confirm", name)


def test_peer_key_changed_stops_sending_until_a_card_says_who_it_is(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    assert bob.texts() == ["first"]
    remove(server, "bob")
    new_bob = Client(tmp_path / "new", "bob")
    new_bob.join(server.invite())

    check(ana.send("bob", "secret", expect=4), "peer_key_changed")
    assert new_bob.texts() == []
    assert ana.run("users", "bob", "--json").objects("user")[0]["trust"] == "changed"

    ana.run("verify", "bob", "--card", "-", stdin=new_bob.card())
    ana.send("bob", "now I know")
    assert new_bob.texts() == ["now I know"], "and nothing of before is sent again by itself"


def test_session_restarted(tmp_path):
    """Bob's machine is put back to an older copy: its sessions are gone, and his next message starts a new one."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    shutil.copytree(bob.home, tmp_path / "kept")
    ana.send("bob", "one")
    assert bob.texts() == ["one"]
    bob.send("ana", "two")
    assert ana.texts() == ["two"]
    shutil.rmtree(bob.home)
    shutil.copytree(tmp_path / "kept", bob.home)
    bob.send("ana", "three")
    said = ana.run("recv")
    assert "three" in said.out and "session_restarted" in said.codes, repr(said)


def test_messages_under_a_changed_key_are_held_until_the_card_is_compared(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "first")
    bob.texts()
    remove(server, "bob")
    new_bob = Client(tmp_path / "new", "bob")
    new_bob.join(server.invite())
    new_bob.send("ana", "it is me, really")
    said = ana.run("recv")
    assert "it is me" not in said.out and "held" in said.codes
    ana.run("verify", "bob", "--card", "-", stdin=new_bob.card())
    assert ana.texts() == ["it is me, really"]


def test_card_different(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    forged = wire.card("bob", server.host, server.port, os.urandom(32))
    check(ana.run("verify", "bob", "--card", "-", stdin=forged, expect=4), "card_different")
    assert ana.run("users", "bob", "--json").objects("user")[0]["trust"] != "verified"
    check(ana.run("verify", "bob", "--card", "-", stdin=ana.card(), expect=4), "card_different")


# --- network: exit 5 -------------------------------------------------------------------------------------------

def test_server_unreachable(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    server.stop()
    check(ana.send("bob", "hi", expect=5), "server_unreachable")
    server.start()
    assert bob.texts() == [], "nothing was left behind by a failure before the login"


def test_connection_lost(tmp_path):
    """Something listens on the server's port and never says a word."""
    server, ana, _ = world(tmp_path, "ana", "bob")
    server.stop()
    with socket.create_server(("127.0.0.1", server.port)):
        said = check(ana.send("bob", "hi", "--timeout", "1s", expect=5), "connection_lost")
    assert said.seconds < 10


def test_cannot_listen(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run([program("sottod"), "--data", str(tmp_path / "d"), "--bind", "127.0.0.1", "--port",
                    str(taken.getsockname()[1])], 5, env=environment(tmp_path))
    check(said, "cannot_listen")


# --- account: exit 6 -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [["send", "bob", "hi"], ["recv"], ["users"], ["card"], ["status"],
                                  ["verify", "bob", "--card", "-"]])
def test_no_account(tmp_path, args):
    check(Client(tmp_path, "ana").run(*args, stdin=b"x", expect=6), "no_account")


def test_other_account(tmp_path):
    server, ana = world(tmp_path, "ana")
    second = Server(tmp_path / "second")
    second.start()
    check(ana.join(second.invite(), 6), "other_account")
    check(ana.run("join", server.invite(), "--name", "anna", "--no-input", expect=6), "other_account")


def test_wrong_passphrase(tmp_path):
    _, ana = world(tmp_path, "ana", passphrase="correct horse")
    ana.passphrase_file.write_text("wrong horse\n")
    check(ana.run("recv", expect=6), "wrong_passphrase")
    ana.passphrase_file.write_text("correct horse\n")
    ana.run("recv")


def test_login_refused_after_the_account_was_removed(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    remove(server, "ana")
    check(ana.send("bob", "hi", expect=6), "login_refused")
    card = ana.card()
    ana.run("join", server.invite(), "--no-input")
    assert ana.card() == card, "a fresh invite registers the same identity again"
    ana.send("bob", "back again")
    assert bob.texts() == ["back again"]


def test_signed_in_elsewhere(tmp_path):
    """A copied profile: its login ends the first one's, which is told."""
    _, ana, _ = world(tmp_path, "ana", "bob")
    shutil.copytree(ana.home, tmp_path / "home-copy")
    copy = Client(tmp_path, "copy")
    first = ana.start("recv", "--wait=60s")
    time.sleep(1.0)
    copy.run("recv")
    out, err = first.communicate(timeout=30)
    said = sottotest.Result(["recv"], first.returncode, out.decode(), err.decode(), 0)
    assert first.returncode == 6, said
    check(said, "signed_in_elsewhere")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else for a moment")
def test_not_allowed(tmp_path):
    server, _ = world(tmp_path, "ana")
    copy = tmp_path / "sottod"
    shutil.copy(program("sottod"), copy)
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    said = run([copy, "invite", "create", "--data", str(server.data)], 6, env=environment("/"), user=65534,
               group=65534, extra_groups=[])
    check(said, "not_allowed")


# --- not found: exit 7 -----------------------------------------------------------------------------------------

def test_no_such_user(tmp_path):
    _, ana = world(tmp_path, "ana")
    check(ana.send("bob", "hi", expect=7), "no_such_user")
    check(ana.run("users", "bob", "--keys", expect=7), "no_such_user")
    card = wire.card("bob", "127.0.0.1", 1, bytes(32))
    assert ana.run("verify", "bob", "--card", "-", stdin=card, expect=(4, 7)).exit


# --- refused: exit 8 -------------------------------------------------------------------------------------------

def test_server_full_names_a_time_to_try_again(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob", server_args=("--max-clients", "1"))
    waiting = ana.start("recv", "--wait=60s")
    time.sleep(1.0)
    said = check(bob.run("recv", expect=8), "server_full")
    assert " seconds" in said.err
    machine = bob.run("recv", "--json", expect=8)
    assert '"retry_after_s":' in machine.err.replace(" ", "")
    assert waiting.poll() is None, "who is in is not touched"
    sottotest.end(waiting, signal.SIGINT)


def test_name_taken(tmp_path):
    server, _ = world(tmp_path, "ana")
    link = server.invite()
    other = Client(tmp_path / "other", "ana")
    check(other.join(link, 8), "name_taken")
    other.run("join", link, "--name", "ana-2", "--no-input")


def test_invite_used(tmp_path):
    server = Server(tmp_path)
    server.start()
    link = server.invite()
    Client(tmp_path, "ana").join(link)
    check(Client(tmp_path, "bob").join(link, 8), "invite_used")


def test_invite_expired(tmp_path):
    server = Server(tmp_path)
    server.start()
    link = server.invite("--expires", "1s")
    time.sleep(1.2)
    check(Client(tmp_path, "ana").join(link, 8), "invite_expired")


def test_invite_unknown(tmp_path):
    server = Server(tmp_path)
    server.start()
    real = server.invite()
    payload = real.rsplit("/", 1)[1]
    text = real.rsplit("/", 1)[0] + "/" + payload[:26] + "0123456789ABCDEF"
    check(Client(tmp_path, "ana").join(text + wire.check_characters("sotto-link:", text), 8), "invite_unknown")


def test_invite_required(tmp_path):
    server = Server(tmp_path)
    server.start()
    check(Client(tmp_path, "ana").run("register", "ana", "--server", server.address, "--accept-new-key", "--no-input",
                                      expect=8), "invite_required")


def test_registration_closed(tmp_path):
    server = Server(tmp_path, "--registration", "closed")
    server.start()
    check(Client(tmp_path, "ana").run("register", "ana", "--server", server.address, "--accept-new-key", "--no-input",
                                      expect=8), "registration_closed")


def test_text_too_large(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    check(ana.run("send", "bob", stdin=b"x" * 65001, expect=8), "text_too_large")
    assert bob.texts() == []


# --- version: exit 11, bug: exit 70: test_hostile_server.py, test_storage.py -----------------------------------

def test_json_errors_are_one_line_on_stderr(tmp_path):
    said = Client(tmp_path, "ana").run("recv", "--json", expect=6)
    lines = said.err.strip().splitlines()
    assert len(lines) == 1 and said.out == ""
    problem = json.loads(lines[0])
    assert {key: problem[key] for key in ("v", "type", "code", "exit", "retry")} == {
        "v": 1, "type": "error", "code": "no_account", "exit": 6, "retry": False}
    assert problem["message"]


def test_help_goes_to_stdout_and_ends_with_0(tmp_path):
    for args in (["help"], ["--help"], ["send", "--help"], ["help", "send"], ["recv", "-h"]):
        said = Client(tmp_path, "ana").run(*args)
        assert "sotto" in said.out and said.err == ""
    assert run([program("sottod"), "--help"], env=environment(tmp_path)).out
    assert "OpenSSL 3." in Client(tmp_path, "ana").run("--version").out
    assert "OpenSSL 3." in run([program("sottod"), "--version"], env=environment(tmp_path)).out


@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: LeakSanitizer does not work under ptrace")
@pytest.mark.skipif(shutil.which("strace") is None, reason="SKIPPED: strace is not there")
def test_internal_when_the_system_does_not_let_it_close_itself_off(tmp_path):
    """Without PR_SET_DUMPABLE 0 no key is touched: what must not happen ends the program, and says so."""
    refused = ["strace", "-o", os.devnull, "-e", "inject=prctl:error=EINVAL"]
    check(run([*refused, program("sottod"), "key"], 70, env=environment(tmp_path)), "internal")
