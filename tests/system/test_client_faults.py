# SPDX-License-Identifier: ISC
"""What goes wrong around a client: servers that vanish or say nothing, disks, clocks, signals, owners that hang, input
without an end. Each time the exit status and the words are the promised ones, and afterwards the profile is sound and
every message is where the words said."""
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

import sottotest
import wire
from fake import SILENCE, FakeServer
from sottotest import REDUCED, Client, Follower, Proxy, Server, end, program, run, start, wait_until, world
from test_doctor import doctor
from test_errors import check
from test_owner import follow, profile
from test_secrets import found_in, memory_of
from test_storage import needs_root, small_disk  # noqa: F401 (a fixture)

PASSPHRASE = "CANARY-51de-a-stone-under-the-third-key"
HOUR, DAY = 3600, 86400
NOBODY, SOMEBODY = 65534, 65533
MEMORY_KIB = 24 * 1024


def sound(client):
    """As a doctor sees it; the outbox is empty."""
    found = doctor(client)
    assert {one["state"] for one in found.values()} == {"ok"} and found["outbox"]["found"] == "0 waiting", found


def copies(client, folder, count):
    """The same person several times, each for itself: what they do, they do at the same time."""
    made = []
    for number in range(count):
        made.append(Client(folder / f"copy-{number}", client.name))
        shutil.copytree(client.home, made[-1].home, dirs_exist_ok=True)
    return made


def result(process, args, seconds=30):
    began = time.monotonic()
    out, err = process.communicate(timeout=seconds)
    return sottotest.Result(args, process.returncode, out.decode(), err.decode(), time.monotonic() - began)


# ---- servers

STALLED = [["send", "bob", "hi"], ["send", "bob", "hi", "--wait=delivered"], ["recv"], ["recv", "--wait=60s"],
           ["users"], ["status"], ["leave", "--confirm", "ana"]]


def test_a_server_that_accepts_and_says_nothing(tmp_path):
    """Every command ends when the timeout is over, that of the option as that of the file; what was to be kept for
    later is kept, and nothing else."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    link = server.invite()
    server.stop()
    settings = ana.home / "config" / "sotto.conf"
    settings.parent.mkdir()
    settings.write_text("[client]\ntimeout = 1s\n")
    clients = copies(ana, tmp_path, len(STALLED))
    new = Client(tmp_path, "new")
    with socket.create_server(("127.0.0.1", server.port), backlog=50):
        began = time.monotonic()
        running = [client.start(*args) for client, args in zip(clients, STALLED)]
        joining = new.start("join", link, "--name", "new", "--no-input", "--timeout", "1s")
        examined = doctor(ana, expect=5)
        for process, args in zip(running, STALLED):
            said = check(result(process, args), "connection_lost")
            assert said.exit == 5 and ("Nothing was sent." in said.err) == (args[0] == "send"), said
        said = check(result(joining, ["join"]), "connection_lost")
        assert said.exit == 5 and "No account was made." in said.err
        assert 0.9 < time.monotonic() - began < sottotest.reduced(5, 20)
        assert examined["tcp"]["state"] == "ok" and examined["tls"]["code"] == "connection_lost"
        ana.send("bob", "kept", "--queue")
    server.start()
    ana.run("recv")
    assert bob.texts() == ["kept"]
    sound(ana)
    new.join(link)


def test_a_server_that_vanishes_while_somebody_waits(tmp_path):
    """It is not waited for: the rest of the time would be lost."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    waiting = bob.start("recv", "--wait=60s")
    wait_until(lambda: (profile(bob) / "owner.sock").exists(), what="its being the owner")
    bob.send("ana", "by the owner, which is connected therefore")
    server.kill()
    said = result(waiting, ["recv"], 15)
    assert check(said, "connection_lost").exit == 5
    server.start()
    ana.send("bob", "back")
    assert bob.texts() == ["back"]
    sound(bob)


def test_a_join_that_is_cut_off_when_the_server_has_made_the_account(tmp_path):
    """The link has been used, and by whom it was, it can be used again."""
    server = Server(tmp_path)
    proxy = Proxy(server.port)
    server.public = f"127.0.0.1:{proxy.port}"
    server.start()
    for name in ("cut", "interrupted"):
        new, link, told = Client(tmp_path, name), server.invite(), threading.Event()
        proxy.to_server.clear()
        # The certificate in REGISTER is what makes so many bytes; its answer stays here.
        proxy.alter_to_client = lambda data, told=told: data if len(proxy.to_server) < 3500 or told.wait() else data
        process = new.start("join", link, "--name", name, "--no-input")
        wait_until(lambda name=name: name in server.run("user", "list").out, what="the account")
        if name == "cut":
            proxy.cut()
            assert "It is not known whether the account was made. Try again." in check(result(process, ["join"]), "connection_lost").err
        else:
            assert end(process, signal.SIGINT) == -signal.SIGINT
        proxy.alter_to_client = None
        told.set()
        assert new.run("card", expect=6).code == "no_account"
        new.join(link)
        sound(new)
    proxy.close()


def test_signals_before_the_server_has_confirmed(tmp_path, forge):
    """The message is offered again by the next command, and arrives once."""
    fake = FakeServer(tmp_path, forge)
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    for client in (ana, bob):
        client.join(fake.link())

    def take_and_say_nothing(_, request, body):
        fake._on_15({"name": "ana"}, request, body)
        return SILENCE

    for how in (signal.SIGINT, signal.SIGTERM):
        fake.sent.clear()
        fake.answers[wire.SEND] = take_and_say_nothing
        process = ana.start("send", "bob", f"interrupted by {how}")
        wait_until(lambda: fake.sent, what="its being sent")
        assert end(process, how) == -how
        assert f"interrupted by {how}" in ana.run("outbox", "list").out
        del fake.answers[wire.SEND]
        ana.run("users")
        assert [one["id"] for one in fake.sent].count(fake.sent[0]["id"]) == 2, "the same bytes"
        assert bob.texts() == [f"interrupted by {how}"]
    sound(ana)


# ---- readers that stop

BIG = [f"{number} " + "x" * 60000 for number in range(5)]


def test_a_recv_that_is_ended_in_the_middle_of_its_output(tmp_path):
    """What did not get through the pipe comes again, and nothing else."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    for text in BIG:
        ana.run("send", "bob", stdin=text)
    for number, how in enumerate(("head", signal.SIGINT, signal.SIGTERM)):
        process = bob.start("recv", "--json")
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        began = process.stdout.read(90000)  # it is in the middle of the second one, which the pipe does not hold
        if how == "head":
            process.stdout.close()
            assert process.wait(20) == 141 and process.stderr.read() == b""
        else:
            assert end(process, how) == -how
            began += process.stdout.read()
        seen = [json.loads(line)["text"] for line in began.decode().splitlines(True) if line.endswith("\n")]
        assert seen == [BIG[number]], how
    assert bob.texts() == BIG[3:]
    sound(bob)


# ---- places that cannot be written

def limited(size, client, *args):
    """A command whose files may have so many bytes."""
    return run(["prlimit", f"--fsize={size}", *client.command(*args)], None, env=client.environment())


def test_what_cannot_be_written_is_neither_sent_nor_lost(tmp_path):
    """At every place where a write can fail on the way: the exit status is that of a disk, the file is named, and what
    is said of the message is so."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "before")
    failed, size = 0, 0
    while True:
        said = limited(size, ana, "send", "bob", "--", f"at {size}")
        if said.exit == 0:
            break
        check(said, "storage_failed")
        failed += 1
        assert said.exit == 9 and f"{ana.home}/data/default/" in said.err
        assert "Nothing was" in said.err and ana.run("outbox", "list").out == "", said
        size += 4096 if size < 8192 else 16384
    assert failed > 4
    ana.run("users")  # the server has it, but that could perhaps not be written down
    sound(ana)
    for size in (0, 30000):
        said = limited(size, bob, "recv")
        assert said.exit == 9 and said.code == "storage_failed" and said.out == "", said
    assert bob.texts() == ["before", f"at {size_of_the_last(ana)}"]
    sound(bob)
    new, link = Client(tmp_path, "new"), server.invite()
    for size in (0, 4096, 50000):
        said = check(limited(size, new, "join", link, "--name", "new", "--no-input"), "storage_failed")
        assert said.exit == 9 and "No account was made." in said.err
    new.join(link)
    sound(new)


def size_of_the_last(ana):
    return ana.run("history", "--json", "-n", "1").objects("message")[0]["text"].split()[1]


def test_an_owner_that_cannot_write_any_more(tmp_path):
    """It ends, whoever asked it is told the truth, and who comes next does without it."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    bob.send("ana", "before")
    follower = follow(ana)
    assert follower.take(1) == ["before"]
    subprocess.run(["prlimit", "--fsize=1000:", "--pid", str(follower.process.pid)], check=True)
    said = ana.send("bob", "through the owner", expect=(0, 9))
    if said.exit == 9:  # else it had ended over something of its own, and was not asked
        assert "Nothing was sent." in check(said, "storage_failed").err
    assert follower.process.wait(20) == 9
    follower.end()
    assert b'"storage_failed"' in follower.errors and b"No message is lost." in follower.errors
    ana.send("bob", "without it")
    bob.send("ana", "after")
    assert ana.texts() in (["after"], ["before", "after"]), "again what was shown, but could not be noted as shown"
    assert bob.texts() == [*(["through the owner"] if said.exit == 0 else []), "without it"]
    sound(ana)


@needs_root
def test_a_full_disk_at_the_sender(tmp_path, small_disk):  # noqa: F811
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "before")
    disk = small_disk("small", "8m")
    (small,) = copies(ana, disk, 1)
    with open(disk / "filler", "wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    for args in ([], ["--queue"]):
        said = check(small.send("bob", "no room", *args, expect=9), "disk_full")
        assert f"{small.home}/data/default/store.db" in said.err and "Nothing was" in said.err, said
    assert "before" in small.run("history").out, "what only reads goes on"
    assert small.run("outbox", "list").out == "" and doctor(small, expect=9)["space"]["code"] == "disk_full"
    (disk / "filler").unlink()
    small.send("bob", "room")
    assert bob.texts() == ["before", "room"]


@pytest.fixture
def read_only():
    """made(path): a folder that nobody can write to any more, not even root."""
    mounted = []

    def make(path):
        for options in (["--bind", str(path), str(path)], ["-o", "remount,ro,bind", str(path)]):
            if subprocess.run(["mount", *options], capture_output=True, check=False).returncode != 0:
                pytest.skip("SKIPPED: nothing can be mounted here")
            if str(path) not in mounted:
                mounted.append(str(path))

    def undo():
        while mounted:
            subprocess.run(["umount", mounted.pop()], check=True)

    make.undo = undo
    yield make
    sottotest.end_all()
    undo()


@needs_root
def test_a_home_that_is_read_only(tmp_path, read_only):
    """What only reads, reads; everything else says which file it could not write."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    bob.send("ana", "waits at the server")
    ana.send("bob", "before")
    new = Client(tmp_path, "new")
    read_only(ana.home)
    read_only(new.home)
    for args in (["send", "bob", "hi"], ["send", "bob", "hi", "--queue"], ["recv"], ["recv", "--follow"], ["users"],
                 ["status"], ["leave", "--confirm", "ana"], ["outbox", "drop", "0" * 26]):
        said = ana.run(*args, expect=9)
        check(said, "storage_failed")
        assert "Read-only file system" in said.err and f"{ana.home}/data/default" in said.err, said
    assert "before" in ana.run("history").out
    ana.run("card")
    ana.run("outbox", "list")
    assert doctor(ana, expect=9)["login"]["code"] == "storage_failed"
    assert "No account was made." in check(new.join(server.invite(), 9), "storage_failed").err
    read_only.undo()
    assert ana.texts() == ["waits at the server"] and bob.texts() == ["before"]
    sound(ana)


def test_a_store_of_a_newer_version_is_left_alone_by_every_command(tmp_path):
    server, _, bob = world(tmp_path, "ana", "bob")
    bob.store_sql("PRAGMA user_version = 99")
    before = {path: path.read_bytes() for path in bob.store_files() if path.suffix in (".db", ".key", ".db-wal")}
    for args in (["send", "ana", "hi"], ["send", "ana", "hi", "--queue"], ["recv"], ["history"], ["users"], ["status"],
["leave", "--confirm", "bob"], ["join", server.invite(), "--name", "bob", "--no-input"]):
        said = check(bob.run(*args, expect=9), "store_newer")
        assert "newer version" in said.err and "Update this program" in said.err
    found = doctor(bob, expect=9)
    assert found["store"]["code"] == "store_newer" and found["tcp"]["state"] == "skip"
    assert {path: path.read_bytes() for path in before} == before


# ---- clocks

@pytest.mark.skipif(REDUCED, reason="SKIPPED under sanitizers: they have to be loaded first")
def test_clocks_hours_and_years_off(tmp_path):
    """A little off is a note; far off nothing is begun, renewed or erased, and nothing is amiss when the clock is right
    again."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    arrive = []
    for seconds, words in ((3 * HOUR, "ahead of"), (-3 * HOUR, "behind"), (400 * DAY, "ahead of"),
                           (-400 * DAY, "behind"), (73000 * DAY, "ahead of")):
        wrong = {"LD_PRELOAD": program("later.so"), "LATER_S": seconds}
        text = f"{seconds} s off"
        said = ana.run("send", "bob", "--", text, expect=(0, 1), **wrong)
        assert "this machine's clock is" in said.err and words in said.err and set(said.codes) == {"clock_skew"}, said
        if abs(seconds) < DAY or said.exit == 0:
            assert said.exit == 0
            arrive.append(text)
        else:
            assert "Nothing was sent." in check(said, "clock_skew").err
        found = doctor(ana, expect=0 if abs(seconds) < DAY else 1, **wrong)["clock"]
        assert found["code"] == "clock_skew" and found["state"] == ("warn" if abs(seconds) < DAY else "fail")
        bob.send("ana", f"to one who is {text}")
        assert ana.run("recv", "--json", **wrong).objects("message")[0]["text"] == f"to one who is {text}"
    assert len(arrive) >= 3
    ana.send("bob", "right again")
    assert bob.texts() == [*arrive, "right again"]
    bob.send("ana", "and back")
    assert ana.texts() == ["and back"]
    sound(ana)
    sound(bob)


# ---- input without an end

ENDLESS = {"send": ('"$SOTTO" send bob', 8, "text_too_large"), "card": ('"$SOTTO" verify bob --card -', 2, "usage"),
           "link": ('"$SOTTO" join - --name eve --no-input', 2, "usage"),
           "passphrase": ('"$SOTTO" join --profile p "$LINK" --name eve --no-input --passphrase-file -', 2, "usage"),
           "not read": ('"$SOTTO" recv', 0, None), "given": ('"$SOTTO" send bob words', 0, None),
           "mail": ('"$MAIL" bob', 0, None)}


def test_300_megabytes_on_stdin(tmp_path, figures):
    """Read as far as they can be used, in bounded memory."""
    server, ana, bob = world(tmp_path, "ana", "bob")
    size = sottotest.reduced(300, 30) << 20
    words = ana.environment(SOTTO=program("sotto"), MAIL=program("sotto-sendmail"), LINK=server.invite())
    peaks = {}
    for what, (command, status, code) in ENDLESS.items():
        fed = f"head -c {size} /dev/zero | tr '\\0' x | {command}"
        said = run([program("once"), "/bin/sh", "-c", fed], None, env=words)
        _, _, peaks[what], ended = map(int, said.out.split())
        assert ended == status and said.code == code, said
        assert REDUCED or peaks[what] < MEMORY_KIB, peaks
    figures(f"KiB at most: {peaks}")
    given, mail = bob.texts()
    assert given == "words" and len(mail.encode()) <= 65000 and f"the mail had {size} bytes" in mail
    sound(ana)


# ---- owners that hang

def test_beside_an_owner_that_hangs_what_is_read_is_read(tmp_path):
    """Nothing of the profile is locked to readers, and the doctor names the process."""
    _, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "before")
    follower = follow(ana)
    os.kill(follower.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert "before" in ana.run("history").out
    ana.run("outbox", "list")
    ana.run("card")
    assert time.monotonic() - began < sottotest.reduced(1, 10)
    sending = ana.start("send", "bob", "not sent", "--queue", "--timeout", "1s")
    found = doctor(ana, "--timeout", "1s", expect=9)
    assert found["integrity"]["state"] == "ok" and found["login"]["code"] == "store_busy"
    assert f"pid {follower.process.pid}" in found["login"]["message"]
    said = check(result(sending, ["send"]), "store_busy")
    assert said.exit == 9 and "Nothing was sent." in said.err
    os.kill(follower.process.pid, signal.SIGCONT)
    ana.send("bob", "after")
    assert bob.texts() == ["before", "after"]
    follower.end()
    sound(ana)


# ---- secrets

@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """Ana, whose store has a passphrase, and Bob, whose store has none."""
    folder = tmp_path_factory.mktemp("locked")
    server, bob = world(folder, "bob")
    ana = Client(folder, "ana", PASSPHRASE)
    ana.join(server.invite())
    yield server, ana, bob
    sottotest.end_all()
    server.stop()


def places_of(process, follower):
    """Where a secret of a process can be seen without its memory."""
    folder = Path(f"/proc/{process.pid}")
    return [("environment", (folder / "environ").read_bytes()), ("arguments", (folder / "cmdline").read_bytes()),
            ("stdout", "".join(follower.lines).encode()), ("stderr", follower.errors)]


@needs_root
def test_a_process_that_works_for_days_does_not_hold_the_passphrase(locked):
    """The key of the store it needs; what a person knows and uses elsewhere, it does not."""
    _, ana, bob = locked
    follower = Follower(ana, "-vv")
    wait_until(lambda: (profile(ana) / "owner.sock").exists(), what="its being connected")
    bob.send("ana", "a text")
    assert follower.take(1) == ["a text"]
    assert found_in(places_of(follower.process, follower), [PASSPHRASE]) == []
    regions = list(memory_of(follower.process.pid))
    assert found_in(regions, ["a text"]) or found_in(regions, [str(ana.home)]), "the search finds what is there"
    assert found_in(regions, [PASSPHRASE]) == []
    try:
        ana.passphrase_file.write_text(PASSPHRASE.upper())
        check(ana.send("bob", "through the socket of one who knew it?", expect=6), "wrong_passphrase")
    finally:
        ana.passphrase_file.write_text(PASSPHRASE)
    follower.end()


def test_the_key_of_the_store_is_in_no_argument_variable_and_log(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    key = next(path for path in ana.store_files() if path.suffix == ".key").read_bytes()[10:]
    assert len(key) == 32
    follower = Follower(ana, "-vv")
    bob.send("ana", "a text")
    assert follower.take(1) == ["a text"]
    assert found_in(places_of(follower.process, follower), [key]) == []
    follower.end()
    written = ana.home / "report"
    ana.run("doctor", "--report", written)
    assert found_in([("report", written.read_bytes())], [key]) == []


def test_a_wrong_passphrase_changes_nothing(locked):
    _, ana, _ = locked
    files = {path: path.read_bytes() for path in ana.store_files() if path.suffix in (".db", ".key", ".db-wal")}
    try:
        for wrong, args in (("", ["send", "bob", "hi", "--queue"]), (PASSPHRASE + "x", ["leave", "--confirm", "ana"])):
            ana.passphrase_file.write_text(wrong + "\n")
            said = check(ana.run(*args, expect=6), "wrong_passphrase")
            assert "Nothing was changed." in said.err and (not wrong or wrong not in said.err)
        assert {path: path.read_bytes() for path in files} == files
    finally:
        ana.passphrase_file.write_text(PASSPHRASE)
    sound(ana)


LOOK = """
import os, sys
ways = {"mem": lambda path: os.close(os.open(path, os.O_RDONLY)), "cwd": os.readlink, "fd": os.listdir}
for name, way in {**ways, "environ": ways["mem"], "maps": ways["mem"]}.items():
    try:
        way(f"/proc/{sys.argv[1]}/{name}")
        print(name)
    except PermissionError:
        pass
"""


@needs_root
@pytest.mark.skipif(REDUCED, reason="SKIPPED under sanitizers: LeakSanitizer looks at a process of its own")
def test_nobody_else_looks_into_a_client_not_even_the_same_user(tmp_path):
    """Neither its memory nor what is open: for others, and for a debugger of its own user, it is not there."""
    copy = tmp_path / "sotto"
    shutil.copy(program("sotto"), copy)
    server, ana, bob = world(tmp_path, "ana", "bob")
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    for path in (ana.home, *ana.home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    process = start([copy, "recv", "--follow"], user=NOBODY, group=NOBODY, extra_groups=[], env=ana.environment(),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    other = start(["sleep", "60"], user=NOBODY, group=NOBODY, extra_groups=[])
    wait_until(lambda: (profile(ana) / "owner.sock").exists(), what="its being the owner")

    def seen(pid, user):
        said = subprocess.run(["/usr/bin/python3", "-c", LOOK, str(pid)], user=user, group=user, extra_groups=[],
                              capture_output=True, check=True, timeout=20)
        return said.stdout.decode().split()

    assert "mem" in seen(other.pid, NOBODY), "it would be seen"
    assert seen(process.pid, NOBODY) == [] and seen(process.pid, SOMEBODY) == []
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    if shutil.which("gcore"):
        said = subprocess.run(["gcore", "-o", str(tmp_path / "core"), str(process.pid)], user=NOBODY, group=NOBODY,
                              extra_groups=[], capture_output=True, check=False, timeout=30)
        assert said.returncode != 0 and not list(tmp_path.glob("core*"))
    bob.send("ana", "unharmed")
    assert b"unharmed" in process.stdout.readline()
    end(other, signal.SIGKILL)
    end(process)
