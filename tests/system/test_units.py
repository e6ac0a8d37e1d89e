# SPDX-License-Identifier: ISC
"""The units of systemd: sound by its own judgement, and what they start does what they say. systemd itself does not run
here: a unit's command is started as it would be."""
import os
import re
import shlex
import shutil
import subprocess

import pytest

import sottotest
from sottotest import BIN, ROOT, wait_until, world

UNITS = BIN.parent / "packaging"
HOST = os.uname().nodename


def unit(kind, name):
    """A unit as it is installed, with the programs of this build."""
    return (UNITS / kind / name).read_text().replace("/usr/local/bin/", f"{BIN}/")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="SKIPPED: systemd is not here")
@pytest.mark.parametrize("kind", ["system", "user"])
def test_units_are_sound(tmp_path, kind):
    names = sorted(path.name for path in (UNITS / kind).iterdir())
    assert names == {"system": ["sotto-alert@.service", "sottod.service"],
                     "user": ["sotto-alert@.service", "sotto-recv@.service"]}[kind]
    for name in names:
        (tmp_path / name).write_text(unit(kind, name))
    (tmp_path / "backup.service").write_text("[Unit]\nOnFailure=sotto-alert@%n.service\n[Service]\nExecStart=/bin/true\n")
    paths = [tmp_path / name.replace("@.", "@backup.service.") for name in [*names, "backup.service"]]
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", *(["--user"] if kind == "user" else []), *paths],
                          env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
                          capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def command(text, instance, config):
    """The words of ExecStart as systemd makes them."""
    line = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE).group(1)
    line = line.replace("%%", "\0").replace("%i", instance).replace("%E", str(config)).replace("\0", "%")
    return [word.replace("$$", "$") for word in shlex.split(line)]


def test_a_failed_unit_tells_people(tmp_path):
    _, root, bob = world(tmp_path, "alerts", "bob")
    (root.home / "config").mkdir(mode=0o700)
    (root.home / "config" / "sotto.conf").write_text("[alias]\nops = bob\n")
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "systemctl").write_text('#!/bin/sh\necho "args: $*"\necho "Active: failed (Result: exit-code)"\nexit 3\n')
    (fake / "systemctl").chmod(0o755)
    for kind, manager in (("system", ""), ("user", "--user ")):
        text = unit(kind, "sotto-alert@.service")
        who = re.search(r"^Environment=(WHO=\S+)$", text, re.MULTILINE).group(1)
        env = {**root.environment(), "WHO": who.split("=")[1]}
        env["PATH"] = f"{fake}{os.pathsep}{env['PATH']}"
        sottotest.run(command(text, "backup.service", root.home), env=env)
        assert bob.texts() == [f"backup.service failed on {HOST}\n\nargs: {manager}status --full --no-pager --lines=20 -- "
                               "backup.service\nActive: failed (Result: exit-code)"]


def test_a_receiver_hands_each_message_to_its_hook(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    hooks = tmp_path / "sotto" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pager").write_text(f'#!/bin/sh\n{{ echo "$SOTTO_FROM"; cat; echo; }} >> {tmp_path}/got\n')
    (hooks / "pager").chmod(0o755)
    words = command(unit("user", "sotto-recv@.service"), "pager", tmp_path)
    process = sottotest.start(words, env=bob.environment(), stdin=subprocess.DEVNULL)
    ana.send("bob", "wake up")
    ana.send("bob", "now")
    got = tmp_path / "got"
    wait_until(lambda: got.exists() and got.read_text() == "ana\nwake up\nana\nnow\n", what="both messages")
    assert sottotest.end(process) in (0, -15, 143)
