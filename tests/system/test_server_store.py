# SPDX-License-Identifier: ISC
"""Data that other versions wrote, and data that the disk spoiled: what is opened, what is refused, what is said."""
import fcntl
import os
import sqlite3
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

import sottotest
from sottotest import Client, Server, program, world
from test_errors import check

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").glob("data-*.tar.xz"))
HOST, PORT = "127.0.0.77", 7431  # the profiles name it; below the ports that the system gives out
OF_BOB = "SELECT row, envelopes FROM runs JOIN devices USING (device) JOIN accounts USING (account) WHERE name = 'bob' "
WAITING = ["one that waits", "another that waits", "a long one " * 500]


@pytest.fixture
def then(monkeypatch):
    """Sets the clock of the day for every program: then(seconds since 1970)."""
    def set_clock(seconds):
        monkeypatch.setattr(sottotest, "environment", lambda home, whole=sottotest.environment, **more: whole(
            home, LD_PRELOAD=program("later.so"), LATER_S=seconds - int(time.time()), **more))
    return set_clock


def unpacked(file, folder):
    with tarfile.open(file) as archive:
        for member in archive.getmembers():
            assert member.isfile() and ".." not in member.name and not member.name.startswith("/"), member.name
            path = folder / member.name
            path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
            path.chmod(0o600)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o700)
    return int((folder / "time").read_text())


def day_of(folder):
    return time.strftime("%Y-%m-%d", time.gmtime(int((folder / "time").read_text()) + 60))


@pytest.fixture
def alone():
    """The port is one for all: whoever tests beside this waits."""
    with open(os.path.join(tempfile.gettempdir(), f"sotto-port-{PORT}.{os.getuid()}"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_there_is_data_to_open():
    assert FIXTURES


@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: they want to be loaded first")
@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
@pytest.mark.usefixtures("alone")
def test_data_of_an_earlier_version_is_served(tmp_path, then, file):
    then(unpacked(file, tmp_path) + 60)
    server = Server(tmp_path, host=HOST, port=PORT)
    listed = {one["name"]: one for one in server.run("user", "list", "--json").objects("user")}
    assert listed["bob"]["waiting"] >= len(WAITING) and listed["bob"]["state"] == "active"
    server.start()
    bob, cleo = Client(tmp_path, "bob"), Client(tmp_path, "cleo")
    assert bob.texts() == WAITING
    cleo.join(server.invite())
    cleo.send("bob", "from somebody new")
    bob.send("cleo", "answered now")
    assert bob.texts() == ["from somebody new"] and cleo.texts() == ["answered now"]
    assert bob.recv() == []
    assert server.run("user", "show", "bob", "--json").objects("user")[0]["last_seen"] == day_of(tmp_path)
    server.run("user", "disable", "ana")
    server.stop()
    with sqlite3.connect(server.database()) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        of_bob = "SELECT count(*) FROM runs JOIN devices USING (device) JOIN accounts USING (account) WHERE name = 'bob'"
        assert database.execute(of_bob).fetchone() == (0,)


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
def test_a_backup_of_an_earlier_version_is_restored(tmp_path, file):
    unpacked(file, tmp_path)
    old, new = Server(tmp_path), Server(tmp_path / "new")
    old.run("backup", str(tmp_path / "then.backup"))
    new.run("restore", str(tmp_path / "then.backup"))
    assert "whole" in new.run("check", "--deep").out
    listed = {one["name"]: one for one in new.run("user", "list", "--json").objects("user")}
    assert listed["bob"]["waiting"] >= len(WAITING) and set(listed) == {"ana", "bob"}
    with sqlite3.connect(new.database()) as database:
        assert database.execute("PRAGMA user_version").fetchone() > (1,)
        assert database.execute("SELECT count(*) FROM one_time").fetchone() == (0,)


def test_the_version_that_wrote_newer_data_is_named(tmp_path):
    server = Server(tmp_path)
    server.start()
    server.stop()
    with sqlite3.connect(server.database()) as database:
        version, = database.execute("PRAGMA user_version").fetchone()
        database.execute("UPDATE meta SET value = ? WHERE key = 'written_by'", (b"97.3.1",))
        database.execute(f"PRAGMA user_version = {version + 1}")
    said = check(server.run("serve", "--port", str(server.port), expect=9), "store_newer")
    assert "97.3.1" in said.err


def test_a_spoiled_message_is_said_and_those_behind_it_are_delivered(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "the first")
    assert bob.texts() == ["the first"]
    for text in ("before it", "spoiled", "behind it"):
        ana.send("bob", text)
    server.stop()
    with sqlite3.connect(server.database()) as database:
        last_but_one = OF_BOB + "ORDER BY last DESC LIMIT 1 OFFSET 1"
        row, envelope = database.execute(last_but_one).fetchone()
        spoiled = bytearray(envelope)
        spoiled[len(spoiled) // 2] ^= 1
        database.execute("UPDATE runs SET envelopes = ? WHERE row = ?", (bytes(spoiled), row))
    database.close()
    server.start()
    assert bob.texts() == ["before it", "behind it"]
    assert "a stored message is damaged" in server.log()
    with sqlite3.connect(f"file:{server.database()}?mode=ro", uri=True) as database:
        kept = database.execute(OF_BOB).fetchall()
    assert kept == [(row, bytes(spoiled))], "the spoiled one stays, for whoever looks into it"
