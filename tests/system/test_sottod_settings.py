# SPDX-License-Identifier: ISC
"""sottod.conf, `sottod config` and SIGHUP: what is set, by what, and what is refused (man sottod.conf)."""
import re
import signal

import pytest

import sottotest
from sottotest import Client, Server, environment, program, run, wait_until

SETTINGS = ["port", "bind", "data", "public-host", "registration", "log", "log-level", "log-addresses", "max-clients",
            "mailbox-messages", "mailbox-bytes", "min-free", "keep-waiting", "send-rate", "send-burst", "bundle-rate", "bundle-burst",
            "publish-rate", "publish-burst", "renew-rate", "renew-burst", "failed-login-rate", "failed-login-burst",
            "before-login", "before-login-per-address", "requests-in-flight", "unsent-bytes", "store-queue",
            "store-queue-bytes", "early-wait-ms"]
# Least and most, as the manual page says; one step beyond is refused.
RANGES = {"port": (0, 65535), "max-clients": (1, 100000), "mailbox-messages": (1, 100000000),
          "mailbox-bytes": (1, 1 << 50), "min-free": (0, 1 << 50), "send-rate": (1, 1000000),
          "before-login": (1, 65536), "requests-in-flight": (1, 256), "unsent-bytes": (131072, 2097152),
          "store-queue-bytes": (81920, 1 << 40), "early-wait-ms": (0, 1000)}


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "server"
    data.mkdir(0o700)
    return data


def sottod(folder, *args, text=None, expect=0, **more):
    if text is not None:
        (folder / "sottod.conf").write_text(text)
    return run([program("sottod"), *args, "--data", str(folder)], expect, env=environment(folder.parent, **more))


def settings(folder, *args, **options):
    whole, = sottod(folder, "config", "--json", *args, **options).objects("config")
    return {one["name"]: (one["value"], one["origin"]) for one in whole["settings"]}


def test_every_setting_has_a_default_and_says_so(folder):
    shown = settings(folder)
    assert list(shown) == SETTINGS
    assert shown["max-clients"] == ("1024", "default") and shown["keep-waiting"] == ("30d", "default")
    assert shown["data"] == (str(folder), "option")
    table = sottod(folder, "config").out.splitlines()
    assert [line.split()[0] for line in table] == SETTINGS
    assert re.fullmatch(r"min-free +64MiB +default", table[SETTINGS.index("min-free")])


def test_the_file_beats_defaults_and_options_beat_the_file(folder):
    text = "# limits\nmax-clients = 7   # a few\n\n  keep-waiting = 14d\nmin-free=2GiB\nbind = 127.0.0.1\nbind = ::1\n"
    file = folder / "sottod.conf"
    shown = settings(folder, "--max-clients", "9", text=text)
    assert shown["max-clients"] == ("9", "option")
    assert shown["keep-waiting"] == ("14d", f"{file}:4")
    assert shown["min-free"] == ("2GiB", f"{file}:5")
    assert shown["bind"] == ("127.0.0.1 ::1", f"{file}:7")
    assert settings(folder)["max-clients"] == ("7", f"{file}:2")
    assert settings(folder, "--bind", "0.0.0.0")["bind"] == ("0.0.0.0", "option")


def test_what_config_prints_can_be_a_file(folder):
    lines = [f"{name} = {value}" for name, (value, _) in settings(folder).items() if value and name != "data"]
    assert {origin.rsplit(":", 1)[0] for name, (_, origin) in settings(folder, text="\n".join(lines)).items()
            if name not in ("data", "public-host")} == {str(folder / "sottod.conf")}


@pytest.mark.parametrize("text, line, words", [
    ("port = 1\nmax-client = 3\n", 2, ["there is no setting 'max-client'", "Did you mean 'max-clients'?"]),
    ("port = 1\n\nport = 2\n", 3, ["port stands in line 1 already"]),
    ("max-clients = many\n", 1, ["takes a number from 1 to 100000, not 'many'"]),
    ("max-clients =\n", 1, ["takes a number from 1 to 100000"]),
    ("max-clients = 5KiB\n", 1, ["takes a number"]),
    ("registration = secret\n", 1, ["registration does not take 'secret'", "It takes: invite, open, closed"]),
    ("min-free = 5XB\n", 1, ["takes a size", "64MiB"]),
    ("keep-waiting = 99999999999999999999d\n", 1, ["takes a time from 1m to 3650d"]),
    ("port = 1\nport\n", 2, ["NAME = VALUE"]),
    ("[server]\nport = 1\n", 1, ["no sections"]),
    ("data = /elsewhere\n", 1, ["in that folder"]),
    ("public-host =\n", 1, ["no value"]),
    ("public-host = " + "a" * 300 + "\n", 1, ["too long"]),
    ("bind = ::1\n" * 9, 9, ["8 times"]),
    ("port = 1\0\n", 1, ["zero byte"]),
])
def test_a_mistake_is_named_with_its_line_and_nothing_starts(folder, text, line, words):
    refused = sottod(folder, "serve", text=text, expect=2)
    assert refused.err.startswith(f"sottod: {folder}/sottod.conf:{line}: "), refused.err
    assert refused.code == "usage" and all(word in refused.err for word in words), refused.err
    assert not (folder / "server.db").exists()


def test_each_range_ends_where_the_manual_says(folder):
    sottod(folder, "config", text="".join(f"{name} = {least}\n" for name, (least, _) in RANGES.items()))
    sottod(folder, "config", text="".join(f"{name} = {most}\n" for name, (_, most) in RANGES.items()))
    for name, (least, most) in RANGES.items():
        for value in [most + 1] + ([least - 1] if least > 0 else []):
            assert f"{name} takes a" in sottod(folder, "config", text=f"{name} = {value}\n", expect=2).err


def test_a_file_that_others_can_write_is_refused(folder):
    (folder / "sottod.conf").write_text("port = 1\n")
    (folder / "sottod.conf").chmod(0o666)
    assert "can be written by others" in sottod(folder, "config", expect=2).err


def test_a_named_file_has_to_be_there_and_may_name_the_data(folder, tmp_path):
    file = tmp_path / "other.conf"
    command = [program("sottod"), "config", "--json", "--config", str(file)]
    assert "there is no file" in run(command, 2, env=environment(tmp_path)).err
    file.write_text(f"data = {folder}\n")
    whole, = run(command, env=environment(tmp_path)).objects("config")
    assert {"name": "data", "value": str(folder), "origin": f"{file}:1", "live": False} in whole["settings"]
    command = [program("sottod"), "config", "--json"]
    whole, = run(command, env=environment(tmp_path, SOTTOD_CONFIG=str(file))).objects("config")
    assert str(folder) in str(whole)


def reload(server, expected):
    begin = len(server.log())
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: expected in server.log()[begin:], what=expected)
    return server.log()[begin:]


def test_sighup_changes_all_or_nothing_and_says_what(folder, tmp_path):
    file = folder / "sottod.conf"
    file.write_text("registration = closed\nmax-clients = 5\n")
    server = Server(tmp_path)
    server.start()
    ana = Client(tmp_path / "ana", "ana")
    link = server.invite()
    refused = ana.run("join", link, "--name", "ana", expect=None)
    assert refused.exit != 0 and refused.code == "registration_closed", refused

    file.write_text("registration = invite\nmax-clients = none\n")
    said = reload(server, "no setting changed")
    assert f"{file}:2: max-clients takes a number" in said
    assert ana.run("join", link, "--name", "ana", expect=None).code == "registration_closed"

    file.write_text("registration = invite\nmax-clients = 6\npublic-host = elsewhere.example\n")
    said = reload(server, "settings changed:")
    assert "registration = invite, max-clients = 6" in said
    ana.join(link)

    file.write_text("registration = invite\nmax-clients = 6\nlog = json\n")
    assert '"message":"settings changed: log = json"' in reload(server, "settings changed:")
    assert '"message":"settings read again: nothing changed"' in reload(server, "read again")
    assert server.stop() == 0


def test_sighup_names_what_waits_for_the_next_start(folder, tmp_path):
    server = Server(tmp_path)
    server.start()
    # An option beats the file; only what no option gives can differ.
    (folder / "sottod.conf").write_text("port = 1\nlog-level = detail\n")
    assert "not before" not in reload(server, "log-level = detail")
    assert server.stop() == 0
    log = tmp_path / "again.log"
    (folder / "sottod.conf").write_text("port = 0\n")
    process = sottotest.start([program("sottod"), "--data", str(folder), "--bind", "127.0.0.1"],
                              env=environment(tmp_path), stderr=open(log, "wb"))
    wait_until(lambda: "is listening" in log.read_text(), what="sottod listening")
    (folder / "sottod.conf").write_text("port = 0\npublic-host = elsewhere.example\n")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "not before the next start: public-host" in log.read_text(), what="the notice")
    assert sottotest.end(process) == 0


def test_a_limit_of_files_that_max_clients_does_not_fit_is_said_at_the_start(folder, tmp_path):
    text = "max-clients = 90000\n"
    (folder / "sottod.conf").write_text(text)
    refused = run(["prlimit", "--nofile=500:500", program("sottod"), "--data", str(folder), "--port", "0"], 2,
                  env=environment(tmp_path))
    assert "max-clients 90000 needs" in refused.err and "allows 500" in refused.err, refused.err
