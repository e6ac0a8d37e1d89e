# SPDX-License-Identifier: ISC
"""`sottod stats`: the figures of a running server, for people, programs and a scraper."""
import contextlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess

import pytest

import sottotest
from sottotest import Server, environment, program, run, start, wait_until, world
from test_errors import check


def stats(server, *args):
    figures, = server.run("stats", "--json", *args).objects("stats")
    return figures


def scrape(text):
    """A strict reading of Prometheus' text format: {name: (type, {labels: value})}. Each family has HELP, TYPE and
    samples, in this order and in one place."""
    families, name = {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if match := re.fullmatch(r"# HELP ([a-z_0-9]+) ([^\\]+)", line):
            name = match[1]
            assert name not in families
            families[name] = [None, {}]
        elif match := re.fullmatch(r"# TYPE ([a-z_0-9]+) (counter|gauge)", line):
            assert match[1] == name and families[name] == [None, {}]
            families[name][0] = match[2]
        else:
            match = re.fullmatch(r'([a-z_0-9]+)(?:\{code="([a-z_]+)"\})? (\d+(?:\.\d{6})?)', line)
            assert match and match[1] == name and families[name][0] and match[2] not in families[name][1], line
            families[name][1][match[2]] = float(match[3]) if "." in match[3] else int(match[3])
    for name, (kind, samples) in families.items():
        assert samples and (kind == "counter") == name.endswith("_total"), name
    return families


@pytest.fixture
def pair(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob", server_args=["--max-clients", "9"])
    yield server, ana, bob
    if server.is_running():
        assert server.stop() == 0


def test_figures_follow_what_happens(pair):
    server, ana, bob = pair
    before = stats(server)
    assert before["max_clients"] == 9 and before["clients"] == 0 and before["disk_low"] == 0
    ana.send("bob", "one")
    ana.send("bob", "two")
    sent = stats(server)
    assert sent["accepted_total"] == before["accepted_total"] + 2
    assert sent["delivered_total"] == before["delivered_total"]
    assert sent["logins_total"] >= before["logins_total"] + 2
    assert bob.texts() == ["one", "two"]
    wait_until(lambda: stats(server)["delivered_total"] >= before["delivered_total"] + 2, what="acknowledgements")
    assert "no_such_user" not in stats(server)["refused"]
    ana.run("send", "nobody", "x", expect=7)
    assert stats(server)["refused"]["no_such_user"] == 1
    table = server.run("stats").out
    assert re.search(r"^max_clients +9  Devices", table, re.MULTILINE)
    assert re.search(r"^refused_total +1  no_such_user$", table, re.MULTILINE)
    assert "ana" not in table and "127.0.0.1" not in table


def test_what_waits_is_counted_and_timed(pair):
    server, ana, bob = pair
    calm = stats(server)
    assert (calm["users"], calm["messages_waiting"], calm["bytes_waiting"], calm["oldest_waiting_s"]) == (2, 0, 0, 0)
    ana.send("bob", "one")
    ana.send("bob", "two" * 1000)
    sent = stats(server)
    assert sent["messages_waiting"] == 2 and 4000 < sent["bytes_waiting"] < 50000 and sent["oldest_waiting_s"] < 60
    assert 0 < sent["commit_p50_us"] <= sent["commit_p99_us"] < 60_000_000
    room = os.statvfs(server.data)
    assert abs(sent["disk_free"] - room.f_bavail * room.f_frsize) < 1 << 30
    server.stop()
    with sqlite3.connect(server.data / "server.db") as database:
        database.execute("UPDATE runs SET accepted_ms = accepted_ms - 3600000 WHERE row = (SELECT min(row) FROM runs)")
    server.start()
    assert 3600 <= stats(server)["oldest_waiting_s"] < 3700
    assert bob.texts() == ["one", "two" * 1000]
    sottotest.wait_until(lambda: stats(server)["oldest_waiting_s"] < 60, what="acknowledgements; his receipts wait for her")


@pytest.mark.parametrize("version, code, said", [(99, "store_newer", "97.3.1"), (1, "storage_failed", "restart it")])
def test_a_database_of_another_version_is_not_guessed_at(pair, tmp_path, version, code, said):
    """The program that asks is not of the server's version: it finds a copy that one of another version wrote."""
    server, _, _ = pair
    path, copy = server.database(), tmp_path / "copy"
    with contextlib.closing(sqlite3.connect(path)) as database, contextlib.closing(sqlite3.connect(copy)) as other:
        database.backup(other)
        other.execute("UPDATE meta SET value = ? WHERE key = 'written_by'", (b"97.3.1",))
        other.execute(f"PRAGMA user_version = {version}")
        other.commit()
    for kind in "wal", "shm":  # the server has its own open
        os.replace(f"{path}-{kind}", tmp_path / kind)
    os.replace(copy, path)
    assert said in check(server.run("stats", expect=9), code).err


def test_a_scraper_can_read_it(pair, tmp_path):
    server, ana, _ = pair
    ana.run("send", "nobody", "x", expect=7)
    file = tmp_path / "sottod.prom"
    file.write_text("old")
    assert server.run("stats", "--prometheus", str(file)).out == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o644 and os.listdir(tmp_path).count("sottod.prom") == 1
    assert not [name for name in os.listdir(tmp_path) if name.startswith("sottod.prom.")]
    families = scrape(file.read_text())
    assert families["sottod_max_clients"] == ["gauge", {None: 9}]
    assert families["sottod_refused_total"] == ["counter", {"no_such_user": 1}]
    figures = stats(server)
    assert families["sottod_logins_total"][1][None] == figures["logins_total"]
    names = {f"sottod_{re.sub('_u?s$', '_seconds', name)}" for name in figures} - {
        "sottod_v", "sottod_type", "sottod_refused"}
    assert names | {"sottod_refused_total"} == set(families)
    if shutil.which("promtool"):
        judged = subprocess.run(["promtool", "check", "metrics"], input=file.read_bytes(), capture_output=True, check=False)
        assert judged.returncode == 0, judged


def test_watching_goes_on_until_it_is_ended(pair):
    server = pair[0]
    process = start(server.command("stats", "--watch", "--json"), stdout=subprocess.PIPE,
                    env=environment(server.folder))
    lines = [process.stdout.readline(), process.stdout.readline()]
    assert all(b'"type":"stats"' in line for line in lines) and process.poll() is None
    process.terminate()
    assert process.wait(10) != 0


def test_where_no_server_runs_it_says_so(pair, tmp_path):
    server = pair[0]
    assert server.stop() == 0
    refused = server.run("stats", expect=5)
    assert refused.code == "server_unreachable" and "it does not run" in refused.err
    assert run([program("sottod"), "stats", "--data", str(tmp_path / "nothing")], 9, env=environment(tmp_path)).code
    for args in (["--json", "--prometheus"], ["file"], ["--prometheus", "a", "b"]):
        assert server.run("stats", *args, expect=2).code == "usage"
    refused = Server(tmp_path / "other")
    refused.start()
    assert refused.run("stats", "--prometheus", str(tmp_path / "no" / "folder.prom"), expect=9).code == "storage_failed"
    assert refused.stop() == 0
