# SPDX-License-Identifier: ISC
"""Plays against a hostile server, one for each way in which it can lie, and what notices when a defence is left out.

A play is a function of a Stage, registered by `row`; it fails by an AssertionError. test_hostile.py runs every play on
the programs as they are; hostile_table.py runs it also with each weakening of its row and writes docs/HOSTILE.md."""
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import sottotest
import wire
from fake import FakeServer
from sottotest import Client

ROWS = []


@dataclass
class Row:
    threat: str
    play: object
    weakenings: tuple
    why: str        # why there is no weakening

    @property
    def name(self):
        return self.play.__name__

    @property
    def claim(self):
        return " ".join(self.play.__doc__.split())


@dataclass
class Elsewhere:
    """A row of the threat table whose test is no play of this kind."""
    threat: str
    test: str
    why: str
    weakenings: tuple = field(default=())


def row(threat, *weakenings, why=""):
    assert bool(weakenings) != bool(why), "a row without a weakening says why"

    def register(play):
        ROWS.append(Row(threat, play, weakenings, why))
        return play
    return register


def elsewhere(threat, test, why):
    ROWS.append(Elsewhere(threat, test, why))


class Stage:
    """A lying server, the real people who joined it and the forged ones whom it speaks for."""

    def __init__(self, weakening=None):
        self.folder = Path(tempfile.mkdtemp(prefix="hostile-"))
        os.environ.pop("SOTTO_WEAKEN", None)
        self.forge = wire.Forge()  # never weakened: it makes what honest devices make
        if weakening:
            os.environ["SOTTO_WEAKEN"] = weakening
        self.fake = FakeServer(self.folder / "fake", self.forge)
        self.is_lying = False

    def close(self):
        os.environ.pop("SOTTO_WEAKEN", None)
        sottotest.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def lie(self):
        """From here on the server lies; what fails before is a broken play, not a defence that works."""
        self.is_lying = True

    def person(self, name="ana"):
        client = Client(self.folder, name)
        client.join(self.fake.link())
        return client

    def forged(self, name="bob", is_listed=True, **options):
        """A person of whom the server has all the keys."""
        identity = wire.Identity(self.forge, name, **options)
        if is_listed:
            self.fake.people[name] = identity.bundle
        return identity

    def conversation(self):
        """Ana and Bob, real, each with a message of the other's in a confirmed session."""
        ana, bob = self.person("ana"), self.person("bob")
        ana.send("bob", "from ana")
        assert shown(bob) == [("ana", "from ana")]
        bob.send("ana", "from bob")
        assert shown(ana) == [("bob", "from bob")]
        ana.send("bob", "and back")
        assert shown(bob) == [("ana", "and back")]
        shown(ana)
        return ana, bob

    def held(self, sender, to, *texts):
        """The letters of these texts, kept back by the server."""
        kept, before = [], self.fake.carry
        self.fake.carry = lambda letter: kept.append(letter) or []
        for text in texts:
            sender.send(to.name, text)
        self.fake.carry = before
        return kept

    def to(self, name):
        """Envelopes that left for somebody."""
        return [one["envelope"] for one in self.fake.sent if one["to"] == name]


def shown(client, *args):
    """[(author, text)] as the client shows them, in order."""
    said = client.run("recv", "--json", *args, expect=None)
    assert said.exit in (0, 3), repr(said)
    return [(one["from"], one["text"]) for one in said.objects("message")]


def alarm(said, code, status):
    """The command told of it and ended with the status of the catalogue."""
    assert said.exit == status and code in said.codes, f"no alarm {code}, exit {status}: {said!r}"
    return said


def flip(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]


def forget_sessions(client):
    """As after the end of every session: the next message needs a bundle."""
    client.store_sql("DELETE FROM session")
