# SPDX-License-Identifier: ISC
"""`sotto recv --exec`: each message to a program, whole and on stdin alone, at least once, in order, one at a time."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from sottotest import end, reduced, start, wait_until, world
from test_errors import check
from test_recv import killed, place, unread
from test_trust import another_bob

LONG = os.environ.get("SOTTO_LONG") == "1"

# Notes what it was given in a folder of its own for each call: PROGRAM FOLDER [ARG...].
NOTE = """#!/bin/sh
folder=$1/$(ls "$1" | wc -l)
mkdir "$folder"
cat >"$folder/stdin"
cp /proc/$$/environ "$folder/environ"
cp /proc/$$/cmdline "$folder/cmdline"
readlink /proc/$$/fd/* >"$folder/fds" || :
"""


def handler(folder, text):
    """A program for --exec; returns its path."""
    path = folder / f"handler-{len(list(folder.glob('handler-*')))}"
    path.write_text(text)
    path.chmod(0o755)
    return path


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def variables(path):
    return dict(one.split("=", 1) for one in path.read_bytes().decode("utf-8", "replace").split("\0") if one)


def test_a_program_gets_the_text_on_stdin_alone(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    notes = tmp_path / "notes"
    notes.mkdir()
    hostile = "$(touch pwned); `id` 'x' \"y\" %s \\n\n\x1b[31m\u202e --rm -rf * \n\nlast, without a line end"
    large = "é" * 32500
    sent = [ana.send_json("bob", text) for text in (hostile, large)]
    bob.run("verify", "ana", "--card", "-", stdin=ana.card())
    note = handler(tmp_path, NOTE)
    secret = os.open(tmp_path / "secret", os.O_CREAT | os.O_RDONLY)
    process = start(bob.command("recv", "--exec", note, "--", notes, "$HOME", "a b", "--json", "*", ""), cwd=tmp_path,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[secret],
                    env=bob.environment(SOTTO_FROM="forged", SOTTO_KEPT="kept"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"", b"")
    for number, (text, message) in enumerate(zip((hostile, large), sent)):
        got = notes / str(number)
        assert (got / "stdin").read_bytes() == text.encode()
        seen = variables(got / "environ")
        assert {name: value for name, value in seen.items() if name.startswith("SOTTO_") and name != "SOTTO_HOME"} == {
            "SOTTO_ID": message["id"], "SOTTO_FROM": "ana", "SOTTO_CHAT": "ana", "SOTTO_TIME": message["time"],
            "SOTTO_KIND": "text", "SOTTO_TRUST": "verified", "SOTTO_KEPT": "kept"}
        words = (got / "cmdline").read_bytes().decode().split("\0")[:-1]
        assert words[-6:] == [str(notes), "$HOME", "a b", "--json", "*", ""]
        for place_of_text in ("environ", "cmdline"):
            assert text.encode()[:20] not in (got / place_of_text).read_bytes()
        own = {str(note), str(got / "fds")}
        assert [one for one in lines(got / "fds") if not one.startswith("pipe:") and one not in own] == []
    assert not (tmp_path / "pwned").exists() and bob.texts() == []


def test_a_program_that_fails_keeps_the_message(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    log = tmp_path / "log"
    ids = [ana.send_json("bob", f"m{number}")["id"] for number in range(3)]
    picky = handler(tmp_path, f'#!/bin/sh\nread text\necho "$text" >>{log}\ntest "$text" != m1 || exit ${{1:-3}}\n')
    said = check(bob.run("recv", "--exec", picky, expect=1), "exec_failed")
    assert "exit status 3" in said.err and ids[1] in said.err and "from ana" in said.err and said.out == ""
    assert lines(log) == ["m0", "m1"] and place(bob) == 1, "nothing after it was touched"
    said = bob.run("recv", "--exec", picky, "--json", "--", "126", expect=1)
    assert '"code":"exec_failed","exit":1' in said.err and f'"id":"{ids[1]}"' in said.err and '"retry":true' in said.err
    kill = handler(tmp_path, "#!/bin/sh\nkill -KILL $$\n")
    assert "signal 9" in check(bob.run("recv", "--exec", kill, expect=1), "exec_failed").err
    assert unread(bob) == 2

    for args, status, code in ((["nowhere-to-be-found"], 127, "exec_not_found"), ([tmp_path / "no"], 127, "exec_not_found"),
                               ([tmp_path], 126, "exec_refused"), (["/etc/passwd"], 126, "exec_refused"),
                               ([handler(tmp_path, "no first line\n")], 126, "exec_refused"),
                               ([handler(tmp_path, "#!/no/interpreter\n")], 127, "exec_not_found")):
        check(bob.run("recv", "--exec", *args, expect=status), code)
    assert unread(bob) == 2

    log.unlink()
    said = bob.run("recv", "--exec", picky, "--skip-failed")
    assert lines(log) == ["m1", "m2"] and "[exec_failed, exit unchanged]" in said.err and unread(bob) == 0
    assert bob.run("recv", "--exec", "true", "--wait=1s", expect=3).code == "no_message"
    idle_readers_and_a_supervisor(tmp_path, ana, bob, log)


def idle_readers_and_a_supervisor(tmp_path, ana, bob, log):
    ana.send("bob", "x" * 65000)
    bob.run("recv", "--exec", "true")
    assert unread(bob) == 0, "it need not read its stdin"
    ana.send("bob", "x" * 65000)
    bob.run("recv", "--exec", "sh", "--", "-c", "exec <&-; sleep 0.1")
    assert unread(bob) == 0, "it may close it"

    # As systemd starts it again: nothing is lost, nothing overtakes.
    log.unlink()
    flaky = handler(tmp_path, f"""#!/bin/sh
read text
echo "$text" >>{log}
test "$(grep -cx "$text" {log})" -ge 2
""")
    for number in range(3):
        ana.send("bob", f"n{number}")
    service = 'until "$0" recv --exec "$1" 2>>err; do :; done'
    process = start(["sh", "-c", service, bob.command()[0], flaky], stdin=subprocess.DEVNULL, cwd=tmp_path,
                    env=bob.environment())
    assert process.wait(60) == 0 and lines(log) == ["n0", "n0", "n1", "n1", "n2", "n2"]
    a_program_may_send(tmp_path, ana, bob)


def a_program_may_send(tmp_path, ana, bob):
    """A bot: what it sends goes over the connection of the recv that runs it."""
    echo = handler(tmp_path, f'#!/bin/sh\nread text\n{bob.command()[0]} send "$SOTTO_FROM" "re: $text"\n')
    process = bob.start("recv", "--follow", "-n", "2", "--exec", echo)
    for number in range(2):
        ana.send("bob", f"q{number}")
    assert process.wait(30) == 0 and ana.texts() == ["re: q0", "re: q1"]


def test_signals_let_the_program_finish(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    log, go = tmp_path / "log", tmp_path / "go"
    slow = handler(tmp_path, f"""#!/bin/sh
trap 'echo told >>{log}; exit 9' TERM INT
echo "begin $SOTTO_ID" >>{log}
until test -e {go}; do sleep 0.01; done
echo "end $SOTTO_ID" >>{log}
""")
    ids = [ana.send_json("bob", f"m{number}")["id"] for number in range(4)]
    for number, how in enumerate((signal.SIGTERM, signal.SIGINT)):
        process = bob.start("recv", "--follow", "--exec", slow)
        wait_until(lambda: f"begin {ids[number]}" in lines(log), what="the program")
        os.kill(process.pid, how)
        time.sleep(0.05)
        assert process.poll() is None, "it waits for the program"
        go.touch()
        assert process.wait(30) == -how and process.stderr.read() == b""
        assert lines(log)[-2:] == [f"begin {ids[number]}", f"end {ids[number]}"] and place(bob) == number + 1
        go.unlink()

    process = bob.start("recv", "--follow", "--exec", slow)
    wait_until(lambda: lines(log)[-1] == f"begin {ids[2]}", what="the program")
    # Of two that come before it has seen the first, it sees one: so until it ends.
    wait_until(lambda: process.poll() is not None or os.kill(process.pid, signal.SIGTERM), every=0.05, what="its end")
    assert process.wait() == -signal.SIGTERM, "a second one ends it at once"
    wait_until(lambda: lines(log)[-1] == "told", what="the second one at the program")
    assert place(bob) == 2
    process = bob.start("recv", "--follow", "--exec", "true")
    wait_until(lambda: place(bob) == 4, what="the rest")
    assert end(process) == -signal.SIGTERM, "while no program runs a signal ends it at once"


def test_what_is_held_is_given_to_no_program_until_it_is_verified(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    bob.send("ana", "the old key")
    ana.run("recv")
    new = another_bob(server, tmp_path)
    new.send("ana", "held")
    notes = tmp_path / "notes"
    notes.mkdir()
    note = handler(tmp_path, NOTE)
    said = ana.run("recv", "--exec", note, "--json", "--", notes)
    assert list(notes.iterdir()) == [] and said.out == "" and said.err.count('"code":"held"') == 1
    ana.run("verify", "bob", "--accept", "--confirm", "bob")
    ana.run("recv", "--exec", note, "--", notes)
    assert (notes / "0" / "stdin").read_text() == "held"
    assert variables(notes / "0" / "environ")["SOTTO_TRUST"] == "unverified"


# --- killed at every step ----------------------------------------------------------------------------------------

# Kernel calls, and every how many of them one is tried without --long.
STEPS = {"write": 3, "pwrite64": 5, "wait4": 3, "clone3": 1, "clone": 1, "vfork": 1, "close": 9, "fdatasync": 1, "pipe": 1,
         "pipe2": 1, "epoll_wait": 6}


@pytest.mark.parametrize("who", ["recv", "the program's parent"])
def test_killed_at_every_step_each_message_is_handled_and_the_cursor_never_ahead(tmp_path, who):
    _, ana, bob = world(tmp_path, "ana", "bob")
    log = tmp_path / "log"
    ids = [ana.send_json("bob", f"m{number}")["id"] for number in range(3)]
    bob.run("recv", "--as", "fetch")
    if who == "recv":
        note = handler(tmp_path, f"#!/bin/sh\necho $SOTTO_ID >>{log}\n")
        steps = [lambda call=call, when=when: killed(bob, call, when, "--exec", note)[0]
                 for call, stride in STEPS.items() for when in range(1, 400, 1 if LONG else stride * reduced(2, 6))]
    else:
        steps = [lambda note=note: bob.run("recv", "--exec", note, expect=(-signal.SIGKILL, 0)).exit != 0 for note in (
            handler(tmp_path, f"#!/bin/sh\nkill -KILL $PPID\necho $SOTTO_ID >>{log}\n"),
            handler(tmp_path, f"#!/bin/sh\necho $SOTTO_ID >>{log}\nkill -KILL $PPID\n"))]
    pristine, store = tmp_path / "pristine", bob.home / "data"
    shutil.copytree(store, pristine)
    done, kills = set(), 0
    for step in steps:
        kind = getattr(step, "__defaults__")[0]
        if kind in done:
            continue
        shutil.rmtree(store)
        shutil.copytree(pristine, store)
        log.unlink(missing_ok=True)
        if not step():
            done.add(kind)  # it got to its end before that step
            continue
        kills += 1
        handled = lines(log)
        assert handled == ids[:len(handled)] or who != "recv", handled
        assert place(bob) <= len(set(handled)), "the cursor is ahead"
        bob.run("recv", "--exec", "sh", "--", "-c", f"echo $SOTTO_ID >>{log}")
        assert set(lines(log)) == set(ids) and place(bob) == 3
    assert kills >= (reduced(8, 3) if who == "recv" else 2)
