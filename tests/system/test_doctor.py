# SPDX-License-Identifier: ISC
"""sotto doctor: every check is made and told, each failure with one thing to do, the worst one is the exit status, and
the report names nobody."""
import os
import socket
import subprocess
import threading
import time

import pytest

import sottotest
import wire
from fake import FakeServer
from sottotest import Client, Proxy, free_port, world

CHECKS = ["config", "profile", "permissions", "space", "store", "integrity", "cards", "outbox", "resolve", "tcp", "tls",
          "pin", "protocol", "login", "clock", "terminal"]


def doctor(client, *args, expect=0, **more):
    """{check: object}; all of them, in their order, whatever is wrong."""
    said = client.run("doctor", "--json", "--no-input", *args, expect=expect, **more)
    found = said.objects("check")
    assert [one["name"] for one in found] == CHECKS, said
    assert said.err == "", "everything is said on stdout"
    failed = [one for one in found if one["state"] == "fail"]
    assert all(one["fix"] and one["message"] and one["exit"] > 0 for one in failed)
    assert expect == 0 or expect in [one["exit"] for one in failed]
    return {one["name"]: one for one in found}


def states(found, *names):
    return [found[name]["state"] for name in names]


def report(ana, path, expect=0):
    """The text of a report, in which nobody and nothing is named."""
    ana.run("doctor", "--report", path, "--timeout", "7s", expect=expect)
    text = path.read_text()
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [line.split()[1] for line in text.splitlines()[-len(CHECKS):]] == CHECKS
    assert "sotto-wire/1" in text and "--timeout" in text and "SOTTO_HOME" in text
    for private in ("ana", "bob", "secret", str(ana.home), "127.0.0.1", "7s", os.uname().nodename, ana.key):
        assert private not in text, private
    return text


def test_from_a_sound_profile_to_one_without_a_server(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    bob.send("ana", "a secret text")
    ana.run("recv")
    found = doctor(ana)
    assert {one["state"] for one in found.values()} == {"ok"}
    assert found["protocol"]["found"] == "sotto-wire/1" and found["tcp"]["where"] == server.address
    ana.key = ana.run("status", "--json").objects()[0]["key"][:9]
    assert "fail" not in report(ana, tmp_path / "report.txt").lower()
    assert ana.run("doctor", "--report", tmp_path / "report.txt", expect=2).code == "usage", "nothing is overwritten"
    text = ana.run("doctor").out.splitlines()
    assert [line.split()[:2] for line in text] == [["ok", name] for name in CHECKS]
    plain = ana.run("doctor", "--plain").out.splitlines()
    assert [line.split(",")[0] for line in plain] == [f"{name}: ok" for name in CHECKS]

    # The server goes: what lies behind the failure is not guessed at.
    ana.run("send", "--queue", "bob", "hi")
    server.stop()
    found = doctor(ana, expect=5)
    assert found["tcp"]["code"] == "server_unreachable" and found["resolve"]["state"] == "ok"
    assert states(found, "tls", "pin", "protocol", "login", "clock") == ["skip"] * 5
    lines = ana.run("doctor", expect=5).out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("FAIL  tcp"))
    assert "cannot reach" in lines[at] and lines[at + 1].endswith("[server_unreachable, exit 5]")
    assert "[server_unreachable, exit 5]" in report(ana, tmp_path / "second.txt", expect=5)
    assert ana.run("doctor", "--report", tmp_path / "no" / "folder", expect=9).codes[0] == "storage_failed"

    assert found["outbox"] == {"v": 1, "type": "check", "name": "outbox", "state": "ok", "found": "1 waiting"}
    ana.store_sql("UPDATE outgoing SET sent=sent-200000000")
    found = doctor(ana, expect=5)["outbox"]
    assert (found["state"], found["code"], found["exit"]) == ("warn", "outbox_old", 0) and "2 days" in found["found"]


def test_without_an_account_the_rest_is_skipped(tmp_path):
    found = doctor(Client(tmp_path, "ana"), expect=6)
    assert found["profile"]["code"] == "no_account" and "sotto join LINK" in found["profile"]["fix"]
    assert set(states(found, *CHECKS[2:-1])) == {"skip"}
    assert not (tmp_path / "home-ana" / "data").exists(), "nothing was made"


def test_what_is_wrong_on_this_machine(tmp_path):
    _, ana = world(tmp_path, "ana")
    folder = next(path.parent for path in ana.store_files() if path.name == "store.db")
    (folder / "store.db").chmod(0o644)
    found = doctor(ana, expect=9)
    assert found["permissions"]["code"] == "store_permissions"
    assert f"chmod 600 {folder}/store.db" in found["permissions"]["fix"] and found["store"]["state"] == "skip"
    (folder / "store.db").chmod(0o600)
    cards = ana.home / "config" / "cards.d"
    cards.mkdir(parents=True)
    (cards / "bob.card").write_text("no card\n")
    assert doctor(ana, expect=2)["cards"]["code"] == "usage"
    (cards / "bob.card").unlink()
    (ana.home / "config").chmod(0o777)
    found = doctor(ana, expect=9)
    assert found["config"]["code"] == "store_permissions" and found["config"]["fix"].startswith("chmod go-w ")
    (ana.home / "config" / "sotto.conf").write_text("[mial]\n")
    assert f"chmod go-w {ana.home}/config" in doctor(ana, expect=9)["config"]["fix"], "not: correct the file"
    (ana.home / "config").chmod(0o700)
    found = doctor(ana, expect=2)
    assert found["config"]["code"] == "usage" and "[mial]" in found["config"]["message"]
    assert found["config"]["fix"] == "Did you mean [mail]?"
    assert {found[name]["state"] for name in CHECKS[1:]} == {"ok"}, "the others are made all the same"
    (ana.home / "config" / "sotto.conf").unlink()
    cards.rmdir()
    (ana.home / "config").rmdir()
    (ana.home / "config").symlink_to("config")
    (tmp_path / "other.conf").touch(0o600)
    found = doctor(ana, "--config", tmp_path / "other.conf", expect=9)["config"]
    assert found["code"] == "storage_failed" and found["found"] == "cannot be looked at", "not: others can write it"
    (ana.home / "config").unlink()
    # One byte in the middle of the last page: it opens, and is not what was written.
    ana.run("recv")
    with open(folder / "store.db", "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size - 2048)
        file.write(b"\xff\x00")
    found = doctor(ana, expect=9)
    assert found["store"]["state"] == "ok" and found["integrity"]["code"] == "store_broken"
    assert found["tcp"]["state"] == "skip"


def test_what_a_passphrase_protects_is_not_guessed_at(tmp_path):
    ana = Client(tmp_path, "ana", "one two three")
    ana.join(wire.link("127.0.0.1", free_port(), bytes(32)), expect=5)
    ana.passphrase_file = None
    found = doctor(ana, expect=2)
    assert found["permissions"]["state"] == "ok"
    assert found["store"]["code"] == "input_required" and found["integrity"]["state"] == "skip"


def test_little_space_is_a_warning_and_none_a_failure(tmp_path):
    home = tmp_path / "home-ana"
    home.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=0700", "sotto-test", home], capture_output=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip("SKIPPED: no file system can be mounted here")
    try:
        _, ana = world(tmp_path, "ana")
        assert doctor(ana)["space"]["code"] == "space_low"
        disk = os.statvfs(home)
        with open(home / "ballast", "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, disk.f_bavail * disk.f_frsize - 500_000)
        assert doctor(ana, expect=9)["space"]["code"] == "disk_full"
    finally:
        sottotest.end_all()
        subprocess.run(["umount", home], check=False, capture_output=True)


def no_tls_here():
    """A port where everybody is told that this is the web."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            with near:
                near.recv(4096)
                near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_what_is_wrong_on_the_way_to_the_server(tmp_path, forge):
    """One address, and behind it a good server, then the web, a server of another key, one of another version, and
    one whose clock is off."""
    good = FakeServer(tmp_path, forge)
    proxy = Proxy(good.port)
    ana = Client(tmp_path, "ana")
    ana.join(wire.link("127.0.0.1", proxy.port, good.acceptor.spki_hash, os.urandom(10)))
    assert {one["state"] for one in doctor(ana).values()} == {"ok"}

    web = no_tls_here()
    proxy.target = web.getsockname()
    found = doctor(ana, expect=5)
    assert found["tcp"]["state"] == "ok" and found["tls"]["code"] == "connection_lost"
    assert states(found, "pin", "protocol", "login", "clock") == ["skip"] * 4
    web.close()

    proxy.target = ("127.0.0.1", FakeServer(tmp_path / "other", forge).port)
    found = doctor(ana, expect=4)
    assert found["tls"]["state"] == "ok" and found["pin"]["code"] == "server_key_changed"
    assert "sotto config server-key" in found["pin"]["fix"]
    assert states(found, "protocol", "login", "clock") == ["skip"] * 3

    proxy.target = ("127.0.0.1", FakeServer(tmp_path / "newer", forge, alpn="sotto-wire/9").port)
    found = doctor(ana, expect=11)
    assert states(found, "tls", "pin", "login", "clock") == ["ok", "skip", "skip", "skip"]
    assert found["protocol"]["code"] == "no_common_version"

    proxy.target = ("127.0.0.1", good.port)
    good.welcome_fields["time_ms"] = int(time.time() * 1000) + 2 * 3600 * 1000
    found = doctor(ana)
    assert (found["clock"]["state"], found["clock"]["code"]) == ("warn", "clock_skew")
    good.welcome_fields["time_ms"] = int(time.time() * 1000) + 50 * 3600 * 1000
    found = doctor(ana, expect=1)
    assert (found["clock"]["state"], found["clock"]["code"]) == ("fail", "clock_skew")
    assert "timedatectl" in found["clock"]["fix"]
    del good.welcome_fields["time_ms"]
    good.certificates.clear()
    found = doctor(ana, expect=6)
    assert found["login"]["code"] == "login_refused" and found["clock"]["state"] == "skip"
