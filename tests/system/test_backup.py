# SPDX-License-Identifier: ISC
"""sottod backup and restore: a server that was put back loses no message, shows none twice, and hands out no prekey twice."""
import os
import sqlite3
import subprocess

from sottotest import Client, Server
from test_errors import check


def people(server, folder, *names):
    made = [Client(folder, name) for name in names]
    for client in made:
        client.join(server.invite())
    return made


def restored(tmp_path, server, file):
    """Another machine with the same address."""
    other = Server(tmp_path / "other", port=server.port)
    other.run("restore", str(file))
    other.start()
    return other


def one_time(data):
    with sqlite3.connect(f"file:{data / 'server.db'}?mode=ro", uri=True) as database:
        return {row[0] for row in database.execute("SELECT one_time_id FROM one_time WHERE record IS NOT NULL")}


def epoch(data):
    with sqlite3.connect(f"file:{data / 'server.db'}?mode=ro", uri=True) as database:
        return database.execute("SELECT value FROM meta WHERE key = 'store_epoch'").fetchone()[0]


def test_a_server_that_was_put_back_loses_nothing(tmp_path, server):
    ana, bob = people(server, tmp_path, "ana", "bob")
    ana.send("bob", "fetched before the backup")
    assert bob.texts() == ["fetched before the backup"]
    ana.send("bob", "in the backup, and fetched after it")
    file = tmp_path / "sotto.backup"
    server.run("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    old_epoch, old_keys = epoch(server.data), one_time(server.data)
    assert bob.texts() == ["in the backup, and fetched after it"]
    ana.send("bob", "accepted after the backup")
    cleo, = people(server, tmp_path, "cleo")
    ana.send("cleo", "to somebody who joined after the backup")
    server.kill()

    other = restored(tmp_path, server, file)
    try:
        assert epoch(other.data) != old_epoch
        assert other.run("key").out == server.run("key").out
        assert one_time(other.data) == set()
        bob.recv()
        assert one_time(other.data) and not one_time(other.data) & old_keys
        # Joins again with the same keys; nobody is told of a change.
        cleo.join(other.invite())
        ana.send("bob", "after the restore")
        assert bob.texts() == ["accepted after the backup", "after the restore"]
        ana.send("cleo", "and another one")
        assert cleo.texts() == ["to somebody who joined after the backup", "and another one"]
        assert bob.recv() == [] and cleo.recv() == []
    finally:
        other.stop()


def test_a_backup_goes_through_a_pipe_and_comes_back_from_one(tmp_path, server):
    ana, bob = people(server, tmp_path, "ana", "bob")
    ana.send("bob", "waits in the pipe")
    copied = subprocess.run(server.command("backup", "-"), stdout=subprocess.PIPE, check=True, timeout=30).stdout
    server.kill()
    other = Server(tmp_path / "other", port=server.port)
    subprocess.run(other.command("restore", "-"), input=copied, check=True, timeout=30)
    other.start()
    try:
        assert bob.texts() == ["waits in the pipe"]
    finally:
        other.stop()


def test_a_backup_holds_no_message_that_was_deleted(tmp_path, server):
    ana, bob = people(server, tmp_path, "ana", "bob")
    ana.send("bob", "the first is large")
    assert len(bob.recv()) == 1
    ana.recv()  # confirmed: from now on they are small
    ana.send("bob", "soon gone")
    ana.send("bob", "soon gone, too " * 300)
    with sqlite3.connect(f"file:{server.data / 'server.db'}?mode=ro", uri=True) as database:
        key, sealed = database.execute("SELECT key, sealed FROM runs JOIN bodies USING (row)").fetchone()
        envelope, = database.execute("SELECT envelopes FROM runs WHERE key IS NULL").fetchone()
    before, after = tmp_path / "before", tmp_path / "after"
    server.run("backup", str(before))
    parts = key, sealed[-64:], envelope[-64:]
    assert all(part in before.read_bytes() for part in parts)
    assert len(bob.recv()) == 2
    server.run("backup", str(after))
    assert not any(part in after.read_bytes() for part in parts)


def test_what_backup_refuses(tmp_path, server):
    file = tmp_path / "sotto.backup"
    server.run("backup", str(file))
    content = file.read_bytes()
    check(server.run("backup", str(file), expect=9), "storage_failed")
    assert file.read_bytes() == content
    check(server.run("backup", str(tmp_path / "nowhere" / "file"), expect=9), "storage_failed")
    check(server.run("backup", expect=2), "usage")
    assert sorted(os.listdir(tmp_path / "server")) == sorted(
        name for name in os.listdir(tmp_path / "server") if not name.startswith("backup."))


def test_what_restore_refuses(tmp_path, server):
    file = tmp_path / "sotto.backup"
    server.run("backup", str(file))
    check(server.run("restore", str(file), expect=9), "data_in_use")
    server.stop()
    check(server.run("restore", str(file), expect=2), "usage")
    content = bytearray(file.read_bytes())
    for name, spoiled in (("text", b"no database\n"), ("short", content[:5000]),
                          ("database", (server.data / "server.db").read_bytes())):
        other = Server(tmp_path / name)
        (tmp_path / "spoiled").write_bytes(spoiled)
        check(other.run("restore", str(tmp_path / "spoiled"), expect=9), "store_broken")
        assert sorted(os.listdir(other.data)) == ["lock"], name
    other = Server(tmp_path / "absent")
    check(other.run("restore", str(tmp_path / "nothing"), expect=9), "storage_failed")
    other.run("restore", str(file))
    assert other.run("key").out == server.run("key").out


def test_check_sees_a_message_that_was_changed_and_a_page_that_was(tmp_path, server):
    ana, bob = people(server, tmp_path, "ana", "bob")
    ana.send("bob", "read")
    assert len(bob.recv()) == 1
    ana.recv()  # says so to bob: a third one that waits
    ana.send("bob", "one " * 1000)
    ana.send("bob", "two " * 1000)
    out = server.run("check", "--deep").out.split("\n")
    assert [line.split() for line in out[:4]] == [["accounts", "2"], ["waiting", "messages", "3"], ["damaged", "0"],
                                                  ["database", "whole"]]
    server.stop()
    with sqlite3.connect(server.data / "server.db") as database:
        database.execute("UPDATE bodies SET sealed = zeroblob(length(sealed)) WHERE row = (SELECT min(row) FROM bodies)")
    assert "whole" in server.run("check").out
    changed = server.run("check", "--deep", expect=9)
    check(changed, "store_broken")
    assert ["damaged", "1"] in [line.split() for line in changed.out.splitlines()]
    for sql, what in (("UPDATE runs SET device = device + 99", "a device that is not there"),
                      ("DELETE FROM runs", "envelopes are left of a row"), ("DELETE FROM bodies", "whole"),
                      ("UPDATE marks SET left_ms = left_ms + 1", "rows of marks")):
        with sqlite3.connect(server.data / "server.db") as database:
            database.execute(sql)
        assert what in server.run("check", "--deep", expect=0 if what == "whole" else 9).out
    with open(server.data / "server.db", "r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 20))
    check(server.run("check", expect=9), "store_broken")


def test_check_without_data(tmp_path):
    check(Server(tmp_path).run("check", expect=9), "no_data")
