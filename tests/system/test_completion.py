# SPDX-License-Identifier: ISC
"""The completions, as the shells themselves use them: sourced, then asked for what comes after a line."""
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

import sottotest
import wire
from sottotest import BIN, ROOT, Client, free_port, run, world

COMMAND_ROW = re.compile(r'^\s+\.name = "(\w+)",$', re.MULTILINE)
RESERVED = {"group", "device"}


def commands():
    return set(COMMAND_ROW.findall((ROOT / "src/sotto/table.c").read_text())) - RESERVED


def shell_environment(client):
    env = client.environment()
    env["PATH"] = f"{BIN}{os.pathsep}{env['PATH']}"
    return env


def bash(client, *words, at=None):
    """What bash offers for the last of `words` (as bash cuts them: at '=' too)."""
    script = ('source <(sotto completion bash); COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
              '_sotto; printf "%s\\n" "${COMPREPLY[@]}"')
    said = run(["bash", "-c", script, "bash", "sotto", *words], cwd=at or client.home, env=shell_environment(client))
    assert said.err == "", said
    return sorted(line for line in said.out.split("\n") if line)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """ana knows bob and bea from messages; the server is gone afterwards."""
    server, ana, bob, bea = world(tmp_path_factory.mktemp("completion"), "ana", "bob", "bea")
    for friend in (bob, bea):
        ana.send(friend.name, "hi")
    server.stop()
    return ana


def test_bash_completes_commands_options_and_values(tmp_path):
    ana = Client(tmp_path, "ana")
    assert set(bash(ana, "")) == commands()
    assert bash(ana, "st") == ["status"]
    assert bash(ana, "--quiet", "reg") == ["register"]
    assert bash(ana, "help", "sen") == ["send"]
    assert bash(ana, "users", "--k") == ["--keys", "--known"]
    assert bash(ana, "--js") == ["--json"]
    assert bash(ana, "send", "bob", "--wait", "") == ["accepted", "delivered", "queued"]
    assert bash(ana, "send", "--wait", "=", "del") == ["delivered"]
    assert bash(ana, "send", "--wait", "=") == ["accepted", "delivered", "queued"]
    assert bash(ana, "completion", "") == ["bash", "zsh"]
    assert bash(ana, "config", "server") == ["server-key"]
    assert bash(ana, "send", "--", "--j") == []
    (tmp_path / "bob.card").touch()
    assert bash(ana, "verify", "bob", "--card", "bo", at=tmp_path) == ["bob.card"]


def test_bash_completes_names_from_the_store_alone(people):
    assert bash(people, "send", "") == ["bea", "bob"]
    assert bash(people, "send", "bob,b") == ["bob,bea", "bob,bob"]
    assert bash(people, "--timeout", "5s", "verify", "bo") == ["bob"]
    assert bash(people, "send", "bob", "b") == []
    assert bash(people, "--profile", "other", "send", "") == []
    assert bash(people, "--profile", "=", "other", "send", "") == []


def test_names_that_need_a_passphrase_are_not_asked_for(tmp_path):
    ana = Client(tmp_path, "ana", "one two three")
    ana.join(wire.link("127.0.0.1", free_port(), bytes(32)), expect=5)
    ana.passphrase_file = None
    assert ana.run("users", "--known", "--no-input", expect=2).code == "input_required"
    assert bash(ana, "send", "") == []


ZSH_SET_UP = r"""
autoload -Uz compinit && compinit -u -D
source <(sotto completion zsh)
compadd() { # writes down what would be offered
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a found
        builtin compadd -O found "$@"
        print -rl -- MATCH:$^found >>offered
    fi
    builtin compadd "$@"
}
zle -C ask complete-word _main_complete
bindkey '^T' ask
bindkey '^Y' kill-whole-line
"""


class Zsh:
    """A zsh on a terminal, with completion."""

    def __init__(self, client):
        near, far = pty.openpty()
        self.process = sottotest.start(["zsh", "-f", "-i"], stdin=far, stdout=far, stderr=far, start_new_session=True,
                                       cwd=client.home, env={**shell_environment(client), "PS1": "", "TERM": "dumb"})
        os.close(far)
        self.near, self.marks, self.offered = near, 0, client.home / "offered"
        (client.home / "setup").write_text(ZSH_SET_UP)
        self.enter("source ./setup")

    def enter(self, line):
        self.marks += 1
        os.write(self.near, f"{line}\necho mark=$(({self.marks}))\n".encode())
        self.wait(f"mark={self.marks}")

    def wait(self, wanted, seconds=10):
        text, deadline = "", time.monotonic() + seconds
        while wanted not in text:
            assert time.monotonic() < deadline, f"no {wanted!r} in {text!r}"
            if select.select([self.near], [], [], 0.1)[0]:
                text += os.read(self.near, 65536).decode("utf-8", "replace")
        return text

    def offers(self, line):
        """What it offers behind `line`."""
        self.offered.unlink(missing_ok=True)
        os.write(self.near, line.encode() + b"\x14\x19")  # complete, then clear the line
        self.marks += 1
        os.write(self.near, f"echo mark=$(({self.marks}))\n".encode())
        self.wait(f"mark={self.marks}")
        text = self.offered.read_text() if self.offered.exists() else ""
        return sorted(set(word[len("MATCH:"):] for word in text.splitlines() if len(word) > len("MATCH:")))

    def close(self):
        os.close(self.near)
        sottotest.end(self.process)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh here")
def test_zsh_completes_the_same(people):
    zsh = Zsh(people)
    try:
        assert set(zsh.offers("sotto ")) >= commands()
        assert zsh.offers("sotto stat") == ["status"]
        assert set(zsh.offers("sotto users --k")) >= {"--keys", "--known"}
        assert zsh.offers("sotto send --wait=") == ["accepted", "delivered", "queued"]
        assert zsh.offers("sotto send b") == ["bea", "bob"]
        assert zsh.offers("sotto --timeout 5s send bob,b") == ["bea"]
        assert zsh.offers("sotto completion ") == ["bash", "zsh"]
    finally:
        zsh.close()


def test_scripts_are_clean_and_other_shells_are_refused(tmp_path):
    ana = Client(tmp_path, "ana")
    (tmp_path / "sotto.bash").write_text(ana.run("completion", "bash").out)
    subprocess.run(["shellcheck", "-s", "bash", tmp_path / "sotto.bash"], check=True)
    said = ana.run("completion", "fish", expect=2)
    assert said.code == "usage" and "sotto completion bash" in said.err and said.out == ""


def test_known_people_need_no_server_and_no_keys(people):
    said = people.run("users", "--known", "--json").objects("user")
    assert [(one["name"], one["known"], one["trust"]) for one in said] == [("bea", True, "unverified"),
                                                                            ("bob", True, "unverified")]
    assert people.run("users", "be", "--known").out.split("\t")[:2] == ["bea", "unverified"]
    assert people.run("users", "--known", "--keys", expect=2).code == "usage"
    assert people.run("users", "--known", "not a name", expect=2).code == "name_invalid"
