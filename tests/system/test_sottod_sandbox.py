# SPDX-License-Identifier: ISC
"""What a running sottod has given up (src/platform/sandbox.h), and that all it does goes on."""
import os
import re
import signal
import stat
from pathlib import Path

import pytest

from sottotest import REDUCED, Server, wait_until, world

needs_plain_build = pytest.mark.skipif(REDUCED, reason="SKIPPED: a build with sanitizers gives nothing up")


@needs_plain_build
def test_every_thread_has_given_up_calls_and_privileges(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "stored by the other thread")
    threads = list(Path(f"/proc/{server.process.pid}/task").iterdir())
    assert len(threads) >= 2
    for thread in threads:
        status = (thread / "status").read_text()
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE), status
        if "no seccomp" not in server.log():
            assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE), status
    assert bob.texts() == ["stored by the other thread"]
    assert server.stop() == 0


@needs_plain_build
def test_a_path_outside_is_closed_to_it(tmp_path):
    """The settings are read again, from a file that a link puts elsewhere."""
    outside = tmp_path / "outside.conf"
    outside.write_text("max-clients = 3\n")
    server = Server(tmp_path)
    server.start()
    if "no Landlock" in server.log():
        assert server.stop() == 0
        pytest.skip("SKIPPED: this kernel has no Landlock")
    file = server.data / "sottod.conf"
    file.symlink_to(outside)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "no setting changed" in server.log(), what="the refusal")
    assert "sottod.conf cannot be read" in server.log()
    file.unlink()
    file.write_text("max-clients = 4\n")  # another file under the name, in the folder that is open to it
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "settings changed: max-clients = 4" in server.log(), what="the change")
    assert server.stop() == 0


@needs_plain_build
def test_settings_from_elsewhere_can_be_read_again(tmp_path):
    file = tmp_path / "etc" / "sottod.conf"
    file.parent.mkdir()
    file.write_text("max-clients = 3\n")
    server = Server(tmp_path, "--config", str(file))
    server.start()
    fresh = file.with_name("new")
    fresh.write_text("max-clients = 5\n")
    fresh.rename(file)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "settings changed: max-clients = 5" in server.log(), what="the change")
    assert server.stop() == 0


def test_administration_goes_on_and_nobody_else_can_look(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    ana.send("bob", "one")
    assert stat.S_IMODE(os.stat(server.data).st_mode) == 0o700
    assert [name.name for name in server.data.iterdir() if name.is_file() and stat.S_IMODE(name.stat().st_mode) & 0o77] == []
    server.run("key", "rotate")
    server.invite()
    server.run("backup", str(tmp_path / "copy"))
    server.run("user", "remove", "ana", "--confirm", "ana")
    assert bob.texts() == ["one"]
    assert server.stop() == 0
    server.start()
    bob.run("users")
    assert server.stop() == 0
