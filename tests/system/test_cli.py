# SPDX-License-Identifier: ISC
"""The command line by itself: no server runs. What is asked for goes to stdout, everything else to stderr; mistakes are
named and never run; the text of a message comes from where the rule says."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

import sottotest
import wire
from sottotest import ROOT, Client, environment, free_port, program, record_codes, run

COMMANDS = ["join", "register", "leave", "send", "recv", "users", "verify", "card", "history", "outbox", "status", "doctor", "config",
            "completion", "version", "help"]
OPTIONS = ["--profile", "--json", "--plain", "--no-input", "--timeout", "--quiet", "--verbose", "--passphrase-file",
           "--passphrase-fd", "--help", "--version"]


@pytest.fixture
def ana(tmp_path):
    return Client(tmp_path, "ana")


def link(port, key=bytes(32)):
    """A well-formed join link for a server that does not run."""
    return wire.link("127.0.0.1", port, key)


def begun(client):
    """A profile whose join has come as far as it can without a server."""
    client.run("join", link(free_port()), "--name", client.name, "--no-input", expect=5)
    return client


class Terminal:
    """A command on a terminal of its own (stdin and stderr; stdout too unless it is piped)."""

    def __init__(self, client, *args, stdout=None, columns=80, **more):
        self.master, slave = pty.openpty()
        self.process = sottotest.start(client.command(*args), stdin=slave, stderr=slave, stdout=stdout or slave,
                                       env=client.environment(COLUMNS=columns, **more), start_new_session=True)
        os.close(slave)
        self.text = ""

    def read_until(self, wanted, seconds=10, after=0):
        """Reads what is printed until `wanted` is in it (from place `after` on), or (None) until the end."""
        deadline = time.monotonic() + seconds
        while wanted is None or wanted not in self.text[after:]:
            assert time.monotonic() < deadline, f"no {wanted!r} in {self.text!r}"
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.master, 4096)
            except OSError:
                data = b""
            if not data:
                assert wanted is None, f"no {wanted!r} in {self.text!r}"
                break
            self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return self.text

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        self.read_until(None)
        os.close(self.master)
        status = self.process.wait(10)
        record_codes(self.text)
        return status


# --- help ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [["help"], ["--help"], ["-h"], ["-qh"], ["sned", "--help"], ["--nonsense", "-h"]])
def test_help_shows_every_command_on_stdout(ana, args):
    said = ana.run(*args)
    assert said.err == ""
    for name in COMMANDS:
        assert re.search(rf"\b{name}\b", said.out), name
    assert max(map(len, said.out.splitlines())) <= 80
    for later in ("group", "device", "daemon", "search"):
        assert later not in said.out, "only what is there is shown"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_in_every_way(ana, name):
    pages = [ana.run(*args) for args in (["help", name], [name, "--help"], [name, "-h"], ["--help", name],
                                         [name, "--nonsense", "-h"])]
    assert {page.out for page in pages} == {pages[0].out} and all(page.err == "" for page in pages)
    page = pages[0].out
    assert page.startswith(f"sotto {name}")
    assert page.index("Examples") < page.index("Options of every command") < page.index("Exit status")
    assert all(option in page for option in OPTIONS)
    assert f"  sotto {name}" in page or "sotto --version" in page


def test_help_after_the_dashes_is_text(ana):
    assert ana.run("send", "bob", "--", "--help", expect=6).code == "no_account"


def test_version_names_the_libraries(ana):
    for args in (["version"], ["--version"], ["-V"], ["send", "-V"]):
        said = ana.run(*args)
        assert said.out.startswith("sotto 0.") and "OpenSSL 3." in said.out and said.err == ""
        assert "private" in said.out or "the system's" in said.out
    found = ana.run("--version", "--json").objects("version")[0]
    assert found["v"] == 1 and found["openssl"] and isinstance(found["openssl_private"], bool)
    assert found["protocols"] == ["sotto-wire/1"]


# --- mistakes --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args, words", [
    (["sned", "bob", "hi"], "There is no command 'sned'. Did you mean 'send'?"),
    (["statsu"], "Did you mean 'status'?"),
    (["se", "bob"], "There is no command 'se'."),
    (["group", "create"], "'group' is reserved for later"),
    (["device", "list"], "'device' is reserved for later"),
    (["help", "sned"], "Did you mean 'send'?"),
    (["send", "bob", "--jsn", "hi"], "there is no option '--jsn'. Did you mean '--json'?"),
    (["send", "bob", "--quee", "hi"], "Did you mean '--queue'?"),
    (["recv", "--js"], "there is no option '--js'"),
    (["recv", "-x"], "there is no option '-x'"),
    (["send", "bob", "-5"], "there is no option '-5'"),
    (["recv", "--id", "x"], "'recv' has no option '--id'"),
    (["send"], "'send' needs WHO"),
    (["send", "bob", "--id"], "'--id' needs KEY after it"),
    (["send", "bob", "hi", "--id", "--queue"], "'--id' needs KEY after it"),
    (["send", "bob", "hi", "--id", ""], "--id has 1 to 128 bytes"),
    (["send", "bob", "hi", "--id", "k" * 129], "--id has 1 to 128 bytes"),
    (["send", "bob,,carol", "hi"], "a name is missing in 'bob,,carol'"),
    (["send", "bob", "hi", "--expire", "5"], "'5' is not a duration"),
    (["send", "bob", "hi", "--queue=yes"], "'--queue' takes no value"),
    (["users", "a", "b"], "one argument too many"),
    (["card", "bob"], "'card' takes no argument"),
    (["recv", "--wait=5"], "'5' is not a duration"),
    (["recv", "--wait="], "'' is not a duration"),
    (["recv", "-n", "0"], "'0' is not a count"),
    (["recv", "--timeout", "0s"], "'0s' is not a duration"),
    (["recv", "--passphrase-fd", "99"], "not an open file descriptor"),
    (["register"], "'register' needs NAME"),
    (["register", "ana"], "'register' needs --server"),
    (["register", "ana", "--server", "h", "--key", "K", "--accept-new-key"], "exclude each other"),
    (["send", "bob", "hi", "--wait"], "'--wait' needs STATE after it"),
    (["send", "bob", "hi", "--wait", "soon"], "'soon' is nothing that can be waited for"),
    (["send", "bob", "hi", "--queue", "--wait", "delivered"], "--queue and --wait=delivered exclude each other"),
    (["--wait", "send", "bob"], "before the command it is '--wait=STATE'"),
    (["recv", "--number", "1"], "'recv' has no option '--number'"),
    (["config", "timeoot"], "by the name of 'timeoot'"),
    (["config", "a", "b"], "one argument too many"),
    (["verify", "bob", "--card", "sotto-card:1:bob@h:x:y"], "--card takes a file"),
])
def test_usage_errors_name_the_mistake_and_run_nothing(ana, args, words):
    said = ana.run(*args, expect=2)
    assert said.out == "" and said.code == "usage", repr(said)
    lines = said.err.splitlines()
    assert lines[0].startswith("sotto: ") and words in lines[0], repr(said)
    assert all(line.startswith("  ") for line in lines[1:])
    assert lines[-1] == "  [usage, exit 2]"
    assert ana.store_files() == []


def test_without_a_command_a_script_gets_an_error_and_a_person_a_start(ana):
    said = ana.run(expect=2)
    assert said.out == "" and "no command was given" in said.err and "send WHO" in said.err
    terminal = Terminal(ana)
    assert terminal.end() == 0
    assert "sotto join LINK" in terminal.text and len(terminal.text.strip().splitlines()) == 3


def test_an_error_with_json_is_one_line(ana):
    for args, code, status in ((["sned"], "usage", 2), (["recv"], "no_account", 6), (["send", "bob", ""],
                                                                                    "empty_message", 2)):
        said = ana.run(*args, "--json", expect=status)
        problem, = [json.loads(line) for line in said.err.splitlines()]
        assert (problem["v"], problem["type"], problem["code"], problem["exit"]) == (1, "error", code, status)
        assert problem["message"] and problem["retry"] is False and isinstance(problem["try"], list)
        assert said.out == ""
    assert "sotto join LINK" in json.loads(ana.run("recv", "--json", expect=6).err)["try"]


@pytest.mark.parametrize("name", ["", "-bob", "bo b", "bob!", "b" * 33, "bób", ".bob", "bob\n", "bob\x1b[31m"])
def test_name_invalid_before_anything_else(ana, name):
    said = ana.run("send", "--", name, "hi", expect=2)
    assert said.code == "name_invalid" and "\x1b" not in said.err, repr(said)


@pytest.mark.parametrize("wrong, code", [("sotto://h/0", "link_mistyped"), ("http://h/", "usage"), ("", "usage")])
def test_a_link_is_judged_before_anything_is_asked(ana, wrong, code):
    said = ana.run("join", wrong, expect=2)
    assert said.code in (code, "usage"), repr(said)
    assert ana.store_files() == []


def test_link_mistyped(ana):
    good = link(free_port())
    payload = good.rsplit("/", 1)[1]
    for at in range(0, len(payload), 7):
        wrong = wire.mistyped(good, "sotto-link:", len(payload) - at)
        assert ana.run("join", wrong, "--name", "ana", expect=2).code == "link_mistyped"


def test_input_required_names_the_way_without_asking(ana):
    for args, words in ((["join"], "the invite link"), (["join", link(1)], "a name"),
                        (["register", "ana", "--server", "h"], "the server's key"),
                        (["verify", "bob"], "something to compare with"),
                        (["config", "server-key"], "the key that the server's admin told")):
        said = ana.run(*args, expect=2)
        assert said.code == "input_required" and words in said.err, repr(said)


# --- the text of a message: {TEXT, -, nothing} x {terminal, pipe, /dev/null, closed} ---------------------------

def run_with_stdin(args, path, env):
    """Runs a command whose stdin is an open file (or folder)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        done = subprocess.run(args, stdin=handle, capture_output=True, env=env, timeout=30)
    finally:
        os.close(handle)
    return sottotest.Result(args, done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace"), 0)


TEXTS = {"words": ["two", "words"], "dash": ["-"], "nothing": []}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("stdin", ["pipe", "null", "closed", "directory"])
def test_stdin_is_read_by_the_rule_and_only_then(ana, text, stdin):
    """no_account: the text was taken, and the next step is reached."""
    args = ana.command("send", "bob", *TEXTS[text])
    env = ana.environment()
    if stdin == "pipe":
        code = run(args, None, stdin=b"from a pipe\n", env=env).code
    elif stdin == "closed":
        code = run(["sh", "-c", 'exec "$@" <&-', "sh", *args], None, env=env).code
    else:
        code = run_with_stdin(args, {"null": "/dev/null", "directory": "/"}[stdin], env).code
    reads = {"pipe": "no_account", "closed": "empty_message", "null": "empty_message", "directory": "storage_failed"}
    assert code == ("no_account" if text == "words" else reads[stdin])


@pytest.mark.parametrize("text", TEXTS)
def test_stdin_that_is_a_terminal(ana, text):
    """Without an account nobody is made to type a text in vain."""
    terminal = Terminal(ana, "send", "bob", *TEXTS[text])
    assert terminal.end() == 6
    assert "no_account" in terminal.text and "Message to" not in terminal.text


@pytest.mark.parametrize("text", ["dash", "nothing"])
def test_a_terminal_is_asked_and_never_looks_hung(ana, text):
    begun(ana)
    terminal = Terminal(ana, "send", "Bob", *TEXTS[text])
    terminal.read_until("Message to bob (Ctrl-D sends, Ctrl-C cancels):\n")
    terminal.type("hi\n\x04")
    assert terminal.end() != 0
    assert "empty" not in terminal.text

    terminal = Terminal(ana, "send", "bob", *TEXTS[text])
    terminal.read_until("cancels):\n")
    terminal.type("\x04")
    assert terminal.end() == 2 and "empty_message" in terminal.text

    terminal = Terminal(ana, "send", "bob", "--no-input", *TEXTS[text])
    assert terminal.end() == 2 and "input_required" in terminal.text


def test_given_words_leave_stdin_to_others(ana):
    """In a loop that reads lines, `sotto send WHO TEXT` must not eat them."""
    script = 'while read -r line; do "$0" send bob "$line" 2>/dev/null; echo "$line"; done'
    said = run(["sh", "-c", script, program("sotto")], stdin=b"one\ntwo\nthree\n", env=ana.environment())
    assert said.out.split() == ["one", "two", "three"]


@pytest.mark.parametrize("args, stdin", [([""], b"not read"), (["-"], b""), ([], b""), ([], b"\n")])
def test_empty_message(ana, args, stdin):
    assert ana.run("send", "bob", *args, stdin=stdin, expect=2).code == "empty_message"


@pytest.mark.parametrize("data", [b"a\0b", b"\0", b"\xff", b"ok \xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_not_text(ana, data):
    assert ana.run("send", "bob", stdin=data, expect=2).code == "not_text"
    if b"\0" not in data:
        word = os.fsdecode(data)
        assert run([program("sotto"), "send", "bob", word], 2, env=ana.environment()).code == "not_text"


def test_text_too_large_at_the_byte(ana):
    assert ana.run("send", "bob", stdin=b"x" * 65000, expect=6).code == "no_account"
    assert ana.run("send", "bob", stdin=b"x" * 65000 + b"\n", expect=6).code == "no_account"
    assert ana.run("send", "bob", stdin=b"x" * 65001, expect=8).code == "text_too_large"
    assert ana.run("send", "bob", stdin=b"x" * 65000 + b"\n\n", expect=8).code == "text_too_large"
    said = ana.run("send", "bob", "y" * 65001, expect=8)
    assert said.code == "text_too_large" and "65,001 bytes" in said.err


def test_a_large_file_is_not_read_and_its_size_is_named(ana, tmp_path):
    large = tmp_path / "large"
    with open(large, "wb") as file:
        file.truncate(300 * 1024 * 1024)
    with open(large, "rb") as source:
        began = time.monotonic()
        done = subprocess.run(ana.command("send", "bob"), stdin=source, capture_output=True, env=ana.environment(),
                              timeout=30)
        assert source.seek(0, os.SEEK_CUR) < 1024 * 1024, "it is not read to its end"
    assert done.returncode == 8 and b"300.0 MiB" in done.stderr
    assert time.monotonic() - began < 5


def test_an_endless_pipe_ends(ana):
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as source:
        done = subprocess.run(ana.command("send", "bob"), stdin=source.stdout, capture_output=True,
                              env=ana.environment(), timeout=30)
        source.stdout.close()
        source.wait(10)
    assert done.returncode == 8 and b"text_too_large" in done.stderr


def test_stdin_gives_one_thing(ana):
    said = ana.run("send", "bob", "--passphrase-file", "-", stdin=b"secret\n", expect=2)
    assert said.code == "usage" and "stdin cannot give both" in said.err
    assert "secret" not in said.err


# --- passphrases -----------------------------------------------------------------------------------------------

def test_passphrase_sources_in_their_order(ana, tmp_path):
    """Each opens the store that was made with it; a wrong one before it in the order does not."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\nsecond line\n")
    wrong.write_text("wrong\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "sotto.passphrase").write_text("correct horse\n")
    ana.run("join", link(free_port()), "--name", "ana", "--passphrase-file", right, expect=5)

    def opens(*args, stdin=b"", variable=None, **more):
        ana.passphrase_file = variable
        said = ana.run("card", *args, stdin=stdin, expect=(0, 6), **more)
        return said.code != "wrong_passphrase"

    assert ana.run("card", expect=2).code == "input_required"
    assert opens("--passphrase-file", right)
    assert not opens("--passphrase-file", wrong)
    assert opens("--passphrase-file", "-", stdin=b"correct horse\n")
    assert opens("--passphrase-file", "-", stdin=b"correct horse")
    assert opens("--passphrase-fd", "0", stdin=b"correct horse\r\n")
    assert opens(variable=right)
    assert opens("--passphrase-file", right, variable=wrong)
    assert not opens("--passphrase-file", wrong, variable=right)
    assert opens(CREDENTIALS_DIRECTORY=credentials)
    assert not opens(variable=wrong, CREDENTIALS_DIRECTORY=credentials)
    ana.passphrase_file = None
    with open(right, "rb") as source:
        done = subprocess.run(ana.command("card", "--passphrase-fd", source.fileno()), pass_fds=[source.fileno()],
                              capture_output=True, env=ana.environment(), timeout=30)
    assert b"wrong_passphrase" not in done.stderr and b"input_required" not in done.stderr


def test_a_passphrase_file_that_is_not_there(ana, tmp_path):
    said = ana.run("join", link(free_port()), "--name", "ana", "--passphrase-file", tmp_path / "none", expect=9)
    assert said.code == "storage_failed" and "No such file" in said.err


def test_a_new_passphrase_is_asked_twice_and_never_shown(ana):
    terminal = Terminal(ana, "join", link(free_port()), "--name", "ana")
    seen = 0
    for question, answer in (("protect it): ", "secret-1"), ("The same again: ", "secret-2"),
                             ("protect it): ", "secret-3"), ("The same again: ", "secret-3")):
        terminal.read_until(question, after=seen)
        seen = len(terminal.text)
        terminal.type(answer + "\n")
    assert terminal.end() == 5, terminal.text
    assert "not the same" in terminal.text and "secret" not in terminal.text
    assert ana.run("card", expect=2).code == "input_required"


def test_no_source_means_empty_said_in_one_line(ana):
    said = ana.run("join", link(free_port()), "--name", "ana", expect=5)
    assert said.err.splitlines()[0] == "sotto: no passphrase given; only file permissions protect this account's keys"
    assert ana.run("card", expect=(0, 6)).code != "input_required"


# --- accounts, stores, servers that are not there --------------------------------------------------------------

@pytest.mark.parametrize("args", [["send", "bob", "hi"], ["recv"], ["users"], ["card"], ["status"],
                                  ["verify", "bob", "--undo"], ["verify", "bob", "--number", "1"],
                                  ["config", "server-key", "--key", "0" * 26]])
def test_no_account(ana, args):
    said = ana.run(*args, expect=6)
    assert said.code == "no_account" and "'default'" in said.err
    assert "'work'" in ana.run("--profile", "work", *args, expect=6).err
    assert "'work'" in ana.run(*args, expect=6, SOTTO_PROFILE="work").err
    assert "'home'" in ana.run(*args, "--profile=home", expect=6, SOTTO_PROFILE="work").err


@pytest.mark.parametrize("profile", ["../other", "a/b", "..", "", "x" * 65])
def test_a_profile_is_a_name_and_no_path(ana, profile):
    said = ana.run(f"--profile={profile}", "status", expect=2)
    assert said.code == "usage", repr(said)


def test_server_unreachable(ana):
    said = ana.run("register", "ana", "--server", f"127.0.0.1:{free_port()}", "--accept-new-key", expect=5)
    assert said.code == "server_unreachable" and "refused" in said.err
    begun(ana)


def test_store_permissions(ana):
    """A store that others can read is not opened; the command to type is named, and helps."""
    begun(ana)
    files = ana.store_files()
    assert files and all(path.stat().st_mode & 0o077 == 0 for path in files)
    closed = [path for path in files if path.suffix not in (".lock",)]
    path = next((one for one in closed if "key" in one.name), closed[0])
    path.chmod(0o644)
    said = ana.run("card", expect=9)
    assert said.code == "store_permissions" and str(path) in said.err and "chmod 600" in said.err
    path.chmod(0o600)
    assert ana.run("card", expect=(0, 6)).code != "store_permissions"


# --- streams and signals ---------------------------------------------------------------------------------------

def test_a_full_disk_behind_stdout_is_an_error(ana):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(ana.command("help"), stdout=full, stderr=subprocess.PIPE, env=ana.environment(),
                              timeout=30)
    assert done.returncode == 9 and b"storage_failed" in done.stderr
    record_codes(done.stderr.decode())


def test_a_closed_stdout_is_an_error(ana):
    said = run(["sh", "-c", 'exec "$@" >&-', "sh", *ana.command("help")], 9, env=ana.environment())
    assert said.code == "storage_failed"


def test_a_reader_that_went_away_is_not_worth_a_word(ana):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(ana.command("help"), stdout=write, stderr=subprocess.PIPE, env=ana.environment(), timeout=30)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_all_streams_closed_does_not_crash(ana):
    run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *ana.command("send", "bob")], 2, env=ana.environment())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_a_shell_sees_130_or_143(ana, how):
    process = sottotest.start(ana.command("send", "bob"), stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=ana.environment())
    time.sleep(0.3)
    assert sottotest.end(process, how) in (-how, 128 + how)


def test_ctrl_c_at_a_hidden_question_gives_the_echo_back(ana):
    terminal = Terminal(ana, "join", link(free_port()), "--name", "ana")
    terminal.read_until("protect it): ")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(10) in (-signal.SIGINT, 130)
    os.close(terminal.master)
    assert ana.run("card", expect=6).code == "no_account", "nothing was made"


def test_quiet_keeps_errors(ana):
    assert ana.run("recv", "-q", expect=6).code == "no_account"
    said = ana.run("join", link(free_port()), "--name", "ana", "-q", expect=5)
    assert said.err.splitlines()[0].startswith("sotto: cannot reach")
