# SPDX-License-Identifier: ISC
"""The schemas themselves: what they refuse. That the programs keep to them is held by every other test (sottotest)."""
import subprocess

import pytest

import schemas
from sottotest import ROOT

GOOD = {"v": 1, "type": "sent", "id": "01JDBX8K3TQ9W7H2M4N6P8R0S2", "to": "bob", "state": "accepted",
        "time": "2026-11-23T09:14:07.512Z", "trust": "unverified", "repeated": False}


def test_an_object_as_promised_is_taken():
    assert schemas.complaints("sotto", GOOD) == []


@pytest.mark.parametrize("change", [
    {"v": 2}, {"type": "sending"}, {"id": 7}, {"id": "01JDBX8K"}, {"to": "Bob"}, {"state": "lost"}, {"time": 1764}, {"trust": None},
    {"repeated": "no"}, {"extra": 1}])
def test_another_one_is_not(change):
    assert schemas.complaints("sotto", {**GOOD, **change})


@pytest.mark.parametrize("gone", [name for name in GOOD if name not in ("v", "type")])
def test_nor_one_that_lacks_a_member(gone):
    assert schemas.complaints("sotto", {name: value for name, value in GOOD.items() if name != gone})


@pytest.mark.parametrize("program", ["sotto", "sottod"])
def test_every_member_is_typed(program):
    for schema, _ in schemas.catalogue(program).values():
        for name, member in schema["properties"].items():
            assert {"type", "enum", "const"} & member.keys(), f"{schema['title']}: {name}"


def test_the_manual_page_is_what_the_schemas_say():
    said = subprocess.run([ROOT / "scripts/json-page", "--check"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_what_an_earlier_version_promised_is_kept():
    """The kept schemas know every type that they knew, and refuse what does not keep to them."""
    assert schemas.KEPT and {kind for _, kind in schemas.kept("sotto")} <= schemas.catalogue("sotto").keys()
    assert {kind for _, kind in schemas.kept("sottod")} <= schemas.catalogue("sottod").keys()
    assert schemas.broken_promises("sotto", GOOD) == []
    for change in ({"id": 7}, {"state": "on its way"}, {"trust": None}):
        assert schemas.broken_promises("sotto", {**GOOD, **change})
