# SPDX-License-Identifier: ISC
"""sottod under a service manager: what it is told (sd_notify), and how little the unit lets it do."""
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from sottotest import Server, wait_until, world

ROOT = Path(__file__).resolve().parents[2]


class Manager:
    """A socket as a service manager has it."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.told = []

    def wait_for(self, pattern, seconds=15):
        """The first datagram that `pattern` matches; those before it are in `told`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                text = self.socket.recv(4096).decode()
            except socket.timeout:
                break
            self.told.append(text)
            if re.search(pattern, text):
                return text
        raise AssertionError(f"not told: {pattern}; only {self.told}")


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_a_manager_hears_of_each_turn(tmp_path, kind):
    name = str(tmp_path / "notify") if kind == "file" else f"@sottod-test-{tmp_path.name}-{time.monotonic_ns()}"
    manager = Manager(name)
    server = Server(tmp_path, prefix=["env", f"NOTIFY_SOCKET={name}", "WATCHDOG_USEC=1000000"])
    server.start()
    assert manager.wait_for("READY=1").startswith("READY=1\n")
    if kind == "abstract":
        assert server.stop() == 0
        manager.wait_for("STOPPING=1")
        return
    assert "STATUS=0 clients, 0 messages accepted, 0 delivered" in "".join(manager.told) or \
        manager.wait_for("STATUS=0 clients")
    began = time.monotonic()
    manager.wait_for("^WATCHDOG=1$")
    manager.wait_for("^WATCHDOG=1$")
    assert time.monotonic() - began < 5
    server.process.send_signal(signal.SIGHUP)
    assert re.search(r"MONOTONIC_USEC=\d+$", manager.wait_for("RELOADING=1"))
    manager.wait_for("READY=1")
    assert not any("STOPPING" in text for text in manager.told)
    server.process.send_signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert server.process.wait(10) == 0


def test_a_server_whose_loop_stands_still_lets_the_watchdog_bite(tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    server = Server(tmp_path, prefix=["env", f"NOTIFY_SOCKET={tmp_path}/notify", "WATCHDOG_USEC=1000000"])
    server.start()
    manager.wait_for("^WATCHDOG=1$")
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            manager.socket.recv(4096)
    with pytest.raises(AssertionError):
        manager.wait_for("WATCHDOG", 1.5)
    server.process.send_signal(signal.SIGCONT)
    manager.wait_for("WATCHDOG")
    assert server.stop() == 0


def test_nothing_is_watched_that_is_not_asked_for(tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    server = Server(tmp_path, prefix=["env", f"NOTIFY_SOCKET={tmp_path}/notify", "WATCHDOG_USEC=1000000",
                                      "WATCHDOG_PID=1"])
    server.start()
    manager.wait_for("READY=1")
    with pytest.raises(AssertionError):
        manager.wait_for("^WATCHDOG=1$", 1.2)
    assert server.stop() == 0


def test_a_manager_that_is_gone_costs_one_line(tmp_path):
    server, ana = world(tmp_path, "ana")
    assert server.stop() == 0
    server.prefix = ["env", f"NOTIFY_SOCKET={tmp_path}/nobody", "WATCHDOG_USEC=1000000"]
    server.start()
    wait_until(lambda: "the service manager cannot be told" in server.log(), what="the line")
    ana.run("users")
    time.sleep(1.2)
    assert server.stop() == 0
    assert server.log().count("the service manager cannot be told") == 1


def test_the_unit_is_hardened(tmp_path):
    unit = tmp_path / "sottod.service"
    text = (ROOT / "packaging" / "sottod.service").read_text()
    unit.write_text(text.replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin"))
    for line in ("Type=notify", "User=sottod", "StateDirectoryMode=0700", "UMask=0077", "NoNewPrivileges=yes",
                 "CapabilityBoundingSet=", "ProtectSystem=strict", "WatchdogSec=30"):
        assert f"\n{line}\n" in text, line
    if shutil.which("systemd-analyze") is None:
        pytest.skip("SKIPPED: systemd-analyze is not there")
    judged = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit], capture_output=True,
                            text=True, check=False)
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", judged.stdout)
    assert level is not None, judged.stdout + judged.stderr
    assert float(level.group(1)) <= 1.5, judged.stdout
