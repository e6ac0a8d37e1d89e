# SPDX-License-Identifier: ISC
"""sotto.conf: what holds, where it was said, and that nothing in it is passed over in silence."""
import pytest

import wire
from sottotest import Client, free_port, world


def write(client, text, name="config/sotto.conf"):
    """Writes the user's file; only the user may be able to."""
    path = client.home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def settings(client, *args, **environment):
    """Name -> (value, origin) of `sotto config --json`."""
    found = client.run("config", "--json", *args, **environment).objects("setting")
    return {one["name"]: (one["value"], one["origin"]) for one in found}


@pytest.fixture
def ana(tmp_path):
    return Client(tmp_path, "ana")


def test_the_stronger_place_wins_and_is_named(ana):
    assert settings(ana) == {"profile": ("default", "default"), "timeout": ("15s", "default"), "plain": ("no", "default"),
                             "require-verified": ("no", "default"), "passphrase-file": ("", "default")}
    path = write(ana, "[client]\nprofile = work\ntimeout = 5s   # of everything\n[screen]\nplain = yes\n"
                      "[alias]\nops = bob,carol\n[mail]\nroot = ops\n")
    assert settings(ana)["timeout"] == ("5s", "file")
    assert settings(ana)["alias.ops"] == ("bob,carol", "file") and settings(ana)["mail.root"] == ("ops", "file")
    assert settings(ana, "timeout", "--timeout", "9s") == {"timeout": ("9s", "option")}
    assert settings(ana, "profile", SOTTO_PROFILE="home") == {"profile": ("home", "environment")}
    assert settings(ana, "plain", SOTTO_PLAIN="0") == {"plain": ("no", "environment")}
    assert settings(ana, "plain", SOTTO_PLAIN="no") == {"plain": ("yes", "environment")}, "only 0 says no"
    assert settings(ana, "profile", "--profile", "x", SOTTO_PROFILE="home") == {"profile": ("x", "option")}
    assert ana.run("config", "timeout").out == f"timeout: 5s, {path}:3\n", "plain = yes: for a screen reader"
    assert ana.run("config", "timeout", SOTTO_PLAIN="0").out == f"timeout\t5s\t{path}:3\n"
    assert "'work'" in ana.run("card", expect=6).err, "the profile of the file is used"

    other = write(ana, "[client]\ntimeout = 7s\n", "other.conf")
    assert settings(ana, "--config", other)["timeout"] == ("7s", "file")
    assert settings(ana, "--config", other)["profile"] == ("default", "default"), "in place of every other file"


def test_where_the_passphrase_comes_from(ana, tmp_path):
    """What is shown is what opens the store: each weaker place names a wrong one."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse\n")
    wrong.write_text("wrong\n")
    given = tmp_path / "sotto.passphrase"
    ana.run("join", wire.link("127.0.0.1", free_port(), bytes(32)), "--name", "ana", "--passphrase-file", right, expect=5)

    def holds(*args, variable=None, **environment):
        ana.passphrase_file = variable
        said = ana.run("card", *args, stdin=b"correct horse\n", expect=(0, 6), **environment)
        assert said.code != "wrong_passphrase"
        return ana.run("config", "passphrase-file", *args, SOTTO_PLAIN="0", **environment).out.split("\t")[1:]

    path = write(ana, f"[client]\npassphrase-file = {right}\n")
    assert holds() == [str(right), f"{path}:2\n"]
    assert holds(CREDENTIALS_DIRECTORY=tmp_path) == [str(right), f"{path}:2\n"], "there is none in that folder"
    write(ana, f"[client]\npassphrase-file = {wrong}\n")
    given.write_text("correct horse\n")
    assert holds(CREDENTIALS_DIRECTORY=tmp_path) == [str(given), "CREDENTIALS_DIRECTORY\n"]
    given.write_text("wrong\n")
    assert holds(variable=right, CREDENTIALS_DIRECTORY=tmp_path) == [str(right), "SOTTO_PASSPHRASE_FILE\n"]
    found = {"variable": wrong, "CREDENTIALS_DIRECTORY": tmp_path}
    assert holds("--passphrase-fd", "0", **found) == ["/dev/fd/0", "--passphrase-fd\n"]
    assert holds("--passphrase-fd", "2", "--passphrase-file", right, **found) == [str(right), "--passphrase-file\n"]


def test_a_mistake_stops_every_command_but_help(ana):
    path = write(ana, "[client]\ntimout = 5s\n")
    for args in (["config"], ["send", "bob", "hi"], ["recv"], ["status"]):
        said = ana.run(*args, expect=2)
        assert said.code == "usage" and f"{path}:2: [client] has no 'timout'" in said.err
        assert "Did you mean 'timeout'?" in said.err
    ana.run("--help")
    ana.run("--version")
    path.chmod(0o666)
    said = ana.run("config", expect=9)
    assert said.code == "store_permissions" and f"chmod go-w {path}" in said.err
    assert "no such file" in ana.run("config", "--config", ana.home / "none", expect=2).err
    path.unlink()
    said = ana.run("config", "timeuot", expect=2)
    assert "Did you mean 'timeout'?" in said.err


def test_an_alias_names_a_team_once(tmp_path):
    _, ana, bob, carol = world(tmp_path, "ana", "bob", "carol")
    write(ana, "[alias]\nops = ana, bob,\n  carol\nme = ana\n")
    # Who sends is left out of a team; who is in it twice has the message once.
    said = ana.run("send", "ops,carol", "deploy", "--json")
    assert [one["to"] for one in said.objects("sent")] == ["bob", "carol"]
    assert ana.run("send", "me", "hi", expect=2).code == "self_recipient"
    assert bob.texts() == ["deploy"] and carol.texts() == ["deploy"]

    # By now bob is somebody whom this profile knows: his name can't mean others.
    path = write(ana, "[alias]\nbob = carol\n")
    said = ana.run("send", "bob", "secret", expect=2)
    assert f"{path}:2: 'bob' is an alias and a user that this profile knows" in said.err
    assert carol.recv() == []

    write(ana, "[client]\nrequire-verified = yes\n")
    assert ana.run("send", "bob", "hi", expect=4).code == "not_verified"
