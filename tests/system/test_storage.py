# SPDX-License-Identifier: ISC
"""Files: who may read them, which version wrote them, what a full disk does, and one owner at a time. Exit 9."""
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

import sottotest
from sottotest import Client, Server, environment, program, run, world
from test_errors import check

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: needs root")


def client_files(client):
    files = {path.name: path for path in client.store_files()}
    assert any(name.endswith(".db") for name in files) and any(name.endswith(".key") for name in files), files
    return [path for name, path in files.items() if name.endswith((".db", ".key"))]


def test_everything_on_disk_is_private(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "hi")
    bob.texts()
    for folder in (server.data, ana.home):
        for path in [folder, *folder.rglob("*")]:
            if path == ana.home or path.is_socket():
                continue
            assert path.stat().st_mode & 0o077 == 0, f"{path} {oct(path.stat().st_mode)}"


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602])
def test_a_profile_that_others_can_read_is_not_opened(tmp_path, mode):
    _, ana, _ = world(tmp_path, "ana", "bob")
    for path in client_files(ana):
        path.chmod(mode)
        said = check(ana.send("bob", "hi", expect=9), "store_permissions")
        assert "chmod" in said.err and str(path.name) in said.err
        path.chmod(0o600)
    ana.send("bob", "hi")


def test_server_data_that_others_can_read_is_not_served(tmp_path):
    server, _ = world(tmp_path, "ana")
    server.stop()
    for path in [path for path in server.data.iterdir() if path.suffix in (".db", ".key", ".pem")]:
        path.chmod(0o644)
        check(run(server.command("serve", "--port", str(server.port)), 9, env=environment(tmp_path)), "store_permissions")
        path.chmod(0o600)
    server.data.chmod(0o755)
    check(run(server.command("serve", "--port", str(server.port)), 9, env=environment(tmp_path)), "store_permissions")
    server.data.chmod(0o700)
    server.start()


def test_a_server_store_of_a_newer_version_is_left_alone(tmp_path):
    server, ana = world(tmp_path, "ana")
    server.stop()
    path = server.database()
    database = sqlite3.connect(path)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    assert version >= 1
    database.execute(f"PRAGMA user_version = {version + 1}")
    database.commit()
    database.close()
    before = path.read_bytes()
    check(run(server.command("serve", "--port", str(server.port)), 9, env=environment(tmp_path)), "store_newer")
    assert path.read_bytes() == before, "nothing was changed"


def test_a_profile_of_a_newer_version_is_left_alone(tmp_path):
    _, ana, _ = world(tmp_path, "ana", "bob")
    ana.store_sql("PRAGMA user_version = 99")
    check(ana.send("bob", "hi", expect=9), "store_newer")


def test_a_key_file_of_a_newer_version_is_left_alone(tmp_path):
    _, ana = world(tmp_path, "ana")
    path = next(path for path in client_files(ana) if path.suffix == ".key")
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + bytes([whole[8] + 1]) + whole[9:])
    check(ana.run("card", expect=9), "store_newer")
    path.write_bytes(whole)
    ana.run("card")


@pytest.mark.parametrize("damage", ["junk", "empty", "cut"])
def test_a_damaged_profile_is_said_to_be_damaged(tmp_path, damage):
    _, ana, _ = world(tmp_path, "ana", "bob")
    for path in client_files(ana):
        whole = path.read_bytes()
        path.write_bytes({"junk": os.urandom(8192), "empty": b"", "cut": whole[:len(whole) // 2]}[damage])
        said = ana.run("card", expect=(6, 9))
        assert said.code in ("store_broken", "wrong_passphrase"), repr(said)
        if path.suffix == ".key":
            assert said.code == "store_broken", repr(said)
        path.write_bytes(whole)


def test_damaged_server_data_is_said_to_be_damaged(tmp_path):
    server, _ = world(tmp_path, "ana")
    server.stop()
    path = server.database()
    for extra in server.data.iterdir():
        if extra.name.endswith(("-wal", "-shm")):
            extra.unlink()
    path.write_bytes(b"this is not a database, it only stands where one was" * 200)
    check(run(server.command("serve", "--port", str(server.port)), 9, env=environment(tmp_path)), "store_broken")


def test_a_second_server_on_the_same_data(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    said = check(run(server.command("serve", "--port", str(sottotest.free_port())), 9, env=environment(tmp_path)),
                 "data_in_use")
    assert str(server.process.pid) in said.err, "it names who serves"
    ana.send("bob", "the first one goes on")
    assert bob.texts() == ["the first one goes on"]


def test_admin_commands_without_a_server_and_without_data(tmp_path):
    empty = tmp_path / "nothing"
    check(run([program("sottod"), "invite", "create", "--data", str(empty)], 9, env=environment(tmp_path)), "no_data")
    check(run([program("sottod"), "key", "--data", str(empty)], 9, env=environment(tmp_path)), "no_data")


def test_admin_commands_work_with_the_server_up_and_down(tmp_path):
    server, _ = world(tmp_path, "ana")
    key = server.run("key").out
    server.stop()
    assert server.run("key").out == key
    link = server.invite()
    server.start()
    bob = Client(tmp_path, "bob")
    bob.join(link)


def test_the_profile_is_busy(tmp_path):
    """Another process holds the profile and does not answer: its pid is named, after the timeout."""
    _, ana, _ = world(tmp_path, "ana", "bob")
    holder = ana.start("recv", "--wait=60s")
    time.sleep(1.0)
    holder.send_signal(signal.SIGSTOP)
    said = check(ana.send("bob", "hi", "--timeout", "1s", expect=9), "store_busy")
    assert str(holder.pid) in said.err
    holder.send_signal(signal.SIGCONT)
    sottotest.end(holder)
    ana.send("bob", "hi")


def test_a_place_that_cannot_be_written(tmp_path):
    server = Server(tmp_path)
    server.start()
    ana = Client(tmp_path, "ana")
    shutil.rmtree(ana.home)
    ana.home.write_text("a file stands where the folder should be")
    check(ana.join(server.invite(), 9), "storage_failed")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MiB; made(size) mounts it."""
    mounted = []

    def make(name, size):
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "sotto-test", str(folder)],
                              capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("SKIPPED: no file system can be mounted here")
        mounted.append(folder)
        return folder

    yield make
    sottotest.end_all()
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=False, capture_output=True)


@needs_root
def test_disk_full_at_the_client_loses_nothing(tmp_path, small_disk):
    server = Server(tmp_path)
    server.start()
    ana, bob = Client(tmp_path, "ana"), Client(small_disk("small", "6m"), "bob")
    ana.join(server.invite())
    bob.join(server.invite())
    filler = bob.home / "filler"
    texts = [f"{i} " + "x" * 60000 for i in range(30)]
    for text in texts:
        ana.run("send", "bob", stdin=text)
    with open(filler, "wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    size = filler.stat().st_size
    os.truncate(filler, max(0, size - 200 * 1024))
    said = bob.run("recv", "--json", expect=9)
    assert said.code == "disk_full", repr(said)
    first = [message["text"] for message in said.objects("message")]
    filler.unlink()
    assert first + bob.texts() == texts, "what was not stored stayed on the server"


@needs_root
def test_disk_full_at_the_server_refuses_and_delivers_and_comes_back(tmp_path, small_disk):
    """Below the free space that the server keeps, messages are refused; stored ones are delivered; with room again it
    goes on by itself."""
    disk = small_disk("small", "160m")
    server, ana, bob = world(disk, "ana", "bob")
    ana.send("bob", "stored before")
    filler = disk / "filler"
    with open(filler, "wb") as file:
        file.write(b"\0" * (110 << 20))
    check(ana.send("bob", "no room", expect=8), "server_disk_full")
    assert bob.texts() == ["stored before"], "deliveries go on"
    filler.unlink()
    began = time.monotonic()
    sottotest.wait_until(lambda: ana.send("bob", "room again", expect=(0, 8)).exit == 0, 10, 0.2, "room again")
    assert time.monotonic() - began < 6
    assert bob.texts() == ["room again"]


@needs_root
def test_a_disk_that_is_full_to_the_last_byte_loses_no_accepted_message(tmp_path, small_disk):
    """ENOSPC inside the store: whatever was accepted is there afterwards."""
    disk = small_disk("small", "100m")
    server, ana, bob = world(disk, "ana", "bob")
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * (1 << 16))
        except OSError:
            pass
    accepted = [f"m{i}" for i in range(5) if ana.run("send", "bob", f"m{i}", "--timeout", "5s",
                                                       expect=(0, 5, 8, 9)).exit == 0]
    filler.unlink()
    if not server.is_running():
        server.start()
    ana.run("recv", expect=(0, 8))
    got = bob.texts()
    assert [text for text in got if text in accepted] == accepted
    assert len(got) == len(set(got))
