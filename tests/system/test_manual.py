# SPDX-License-Identifier: ISC
"""The manual says what the programs' own help says: a page for each command, its options and no other, its synopsis;
and its examples are commands that the programs understand."""
import os
import re
import subprocess

import pytest

from sottotest import ROOT, environment, program, run, world

MANUAL = ROOT / "man"
WITHOUT_PAGE = ("help", "version")
RESERVED = ("group", "device")
SERVER_WORDS = ["serve", "config", "stats", "invite create", "invite list", "invite revoke", "key", "key rotate", "user list", "user show",
                "user disable", "user enable", "user remove", "backup", "restore", "check"]


def commands():
    """The commands in their order, as "sotto help" lists them."""
    text = (ROOT / "src/sotto/table.c").read_text()
    return [name for name in re.findall(r'\.name = "([\w-]+)"', text) if name not in WITHOUT_PAGE + RESERVED]


def options_of(text):
    """The options in a help page or in the source of a manual page."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text.replace(r"Fl \-", "Fl --")))


def listed(source):
    """The options that a page explains."""
    items = re.findall(r"^\.It (Fl .*)$", source, re.MULTILINE)
    return {one for item in items for one in re.findall(r"Fl (-?[\w-]+)", item.replace("\\", ""))}


def own_options(text):
    """The options that the help of a command lists as its own, as mdoc's Fl names them."""
    part = re.search(r"^Options\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^  ?(-.*|    --.*)$", part.group(1), re.MULTILINE) if part else []
    return {one[1:] for line in lines for one in re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", line.split("  ")[0] or line.strip())}


@pytest.mark.parametrize("command", commands())
def test_a_command_has_its_page(tmp_path, command):
    source = (MANUAL / f"sotto-{command}.1").read_text()
    shown = run([program("sotto"), "help", command], env=environment(tmp_path)).out
    assert f".Nm sotto-{command}\n" in source and f".Nm sotto\n.Cm {command}\n" in source
    assert listed(source) == own_options(shown)
    synopsis = re.search(r"^\.Sh SYNOPSIS\n(.*?)^\.Sh", source, re.MULTILINE | re.DOTALL).group(1).replace("\\", "")
    assert {one for one in re.findall(r"Fl (-?[a-z][\w-]*)", synopsis)} == own_options(shown), "the synopsis"
    assert options_of(source) <= options_of(shown) | options_of((MANUAL / "sotto.1").read_text())
    assert f"man sotto-{command}" in shown


def test_the_page_of_the_client_names_commands_and_common_options(tmp_path):
    source = (MANUAL / "sotto.1").read_text()
    for command in [*commands(), *WITHOUT_PAGE]:
        assert re.search(rf"^\.It Cm {command}$", source, re.MULTILINE), command
    shown = run([program("sotto"), "help", "card"], env=environment(tmp_path)).out
    assert options_of(shown) <= {f"-{one}" for one in listed(source)}


def test_the_page_of_the_server_names_every_option_and_no_other(tmp_path):
    source = (MANUAL / "sottod.8").read_text()
    shown = "".join(run([program("sottod"), "help", *word.split()], env=environment(tmp_path)).out for word in ["", *SERVER_WORDS])
    assert options_of(shown) == options_of(source)
    for word in SERVER_WORDS:
        assert re.search(rf"Cm {word}\b", source), word


def examples():
    for path in sorted(MANUAL.glob("sotto-*.1")):
        text = path.read_text().replace("\\e", "\\").replace("\\(dq", '"').replace("\\-", "-").replace("\\&", "")
        for line in re.findall(r"^\.Dl \$ (.*)$", text, re.MULTILINE):
            if "..." not in line:  # a value that is cut short
                yield path.name, line


@pytest.fixture(scope="module", name="machine")
def machine_fixture(tmp_path_factory):
    """A machine on which the examples can run: an account, people by the names that the examples use, their programs."""
    folder = tmp_path_factory.mktemp("manual")
    server, me, _, bob = world(folder, "me", "ana", "bob")
    tools = folder / "bin"
    tools.mkdir()
    for name in ("make", "df", "page-me", "notify"):
        (tools / name).write_text("#!/bin/sh\ncat >/dev/null 2>&1 </dev/null\necho out\nexit 1\n")
        (tools / name).chmod(0o755)
    return server, me, bob.card(), tools


@pytest.mark.parametrize("page, line", list(examples()))
def test_examples_are_understood(machine, tmp_path, page, line):
    """Not one ends as a wrong use of the program, whatever else the small machine lacks for it."""
    server, me, card, tools = machine
    for name in ("LINK", "FILE"):
        line = re.sub(rf"\b{name}\b", {"LINK": server.invite, "FILE": lambda: str(me.home / "file")}[name](), line) \
            if re.search(rf"\b{name}\b", line) else line
    env = {**me.environment(), "PATH": f"{tools}:{os.path.dirname(program('sotto'))}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    said = subprocess.run(["timeout", "--preserve-status", "1", "bash", "-c", line], env=env, cwd=tmp_path, capture_output=True,
                          text=True, check=False, input=card)
    assert "[usage, exit 2]" not in said.stderr and "exit 70" not in said.stderr, said.stderr
    assert "command not found" not in said.stderr, said.stderr
