# SPDX-License-Identifier: ISC
"""The boxes of docs/RECIPES.md do what the page says, with stand-ins for programs that are not sotto's."""
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import pytest

import sottotest
from sottotest import BIN, ROOT, free_port, run, start, wait_until, world

PAGE = (ROOT / "docs" / "RECIPES.md").read_text()


def box(language):
    """The text of the one box in that language."""
    text, = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return text


class Machine:
    """An account that sends alerts; `ops` of its sotto.conf is ana."""

    def __init__(self, folder):
        self.server, self.alerts, self.ana = world(folder, "alerts", "ana")
        self.folder = folder
        (self.alerts.home / "config").mkdir(mode=0o700)
        (self.alerts.home / "config" / "sotto.conf").write_text("[alias]\nops = ana\n")
        self.env = self.alerts.environment(PATH=f"{folder}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def shell(self, command, expect=0, **more):
        return run(["sh", "-c", command], expect, env={**self.env, **more}, cwd=self.folder)


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return Machine(tmp_path_factory.mktemp("recipes"))


@pytest.fixture
def machine(account):
    """That account; its server is there, also when a test has stopped it."""
    if not account.server.is_running():
        account.server.start()
    return account


def test_a_line_of_a_crontab(machine):
    command = re.fullmatch(r"(?:\S+ ){5} (.*)\n", box("crontab")).group(1)
    assert "%" not in command, "cron makes a line end of it"
    command = command.replace("/usr/local/bin/backup", "./backup").replace("/var/tmp/", "")
    machine.write("backup", "#!/bin/sh\necho all is well\n")
    machine.shell(command)
    machine.write("backup", "#!/bin/sh\nseq 30\necho disk full >&2\nexit 1\n")
    machine.shell(command)
    assert machine.ana.texts() == ["\n".join(map(str, range(12, 31))) + "\ndisk full"]


def test_a_unit_that_failed():
    """test_units.py runs the units themselves."""
    name, = re.findall(r"OnFailure=(sotto-alert@)%n\.service", box("ini"))
    assert {f"{name}.service", "sotto-recv@.service"} <= {path.name for path in (ROOT / "packaging").iterdir()}


def test_webhooks_of_alertmanager(machine):
    port = free_port()
    hook = machine.write("hook", box("python").replace("9099", str(port)))
    assert "http://127.0.0.1:9099/" in box("yaml")
    start([hook], env=machine.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: not sottotest.is_free(port), what="the receiver listening")
    # As in the documentation of Alertmanager's webhook_config, version 4 of the message; what is not read is left out.
    alerts = [{"status": status, "labels": {"alertname": "DiskFull", "instance": "web1"}, "annotations": {"summary": "91 % on web1"},
               "startsAt": "2026-11-23T09:14:00.123456789Z", "fingerprint": "c36ab1b6e6c2ae5f"} for status in ("firing", "resolved")]

    def post(*some):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps({"version": "4", "alerts": some}).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code

    assert [post(alerts[0]), post(alerts[0])] == [200, 200]
    machine.server.stop()
    assert post(alerts[1]) == 503
    machine.server.start()
    assert post(*alerts) == 200
    assert machine.ana.texts() == ["firing: DiskFull, 91 % on web1", "resolved: DiskFull, 91 % on web1"]


def test_a_notification_of_icinga(machine):
    words = json.loads(re.search(r"command = (\[.*?\])", box("icinga"), re.DOTALL).group(1))
    macros = {"user.name": "ops", "notification.type": "PROBLEM", "service.name": "disk", "host.name": "web1",
              "service.state": "CRITICAL", "service.output": "--9 % free $(reboot)"}
    args = [re.sub(r"\$([\w.]+)\$", lambda match: macros[match.group(1)], word) for word in words]
    run(["sh", "-c", 'exec "$@"', "sh", *args], env=machine.env)
    assert machine.ana.texts() == ["PROBLEM: disk on web1 is CRITICAL: --9 % free $(reboot)"]


def test_a_job_of_ci(machine):
    machine.write("make", "#!/bin/sh\nexit 0\n")
    machine.shell(box("bash"), CI_JOB_ID="41")
    machine.write("make", "#!/bin/sh\necho test 3 failed\nexit 2\n")
    machine.shell(box("bash"), 2, CI_JOB_ID="42")
    assert machine.ana.texts() == ["test 3 failed"]
