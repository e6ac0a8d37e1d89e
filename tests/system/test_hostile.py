# SPDX-License-Identifier: ISC
"""A hostile server lies in every way of the threat table (docs/PROTOCOL.md 3): the client shows the right text, author
and order, or raises an alarm. What each test notices is in docs/HOSTILE.md (hostile_table.py)."""
import pytest

from hostile import Stage
from hostile_plays import PLAYS, weakenings
from sottotest import program


@pytest.mark.parametrize("one", PLAYS, ids=lambda one: one.name)
def test_play(one):
    stage = Stage()
    try:
        one.play(stage)
        assert stage.is_lying, "a play in which nobody lies"
    finally:
        stage.close()


def test_every_weakening_has_a_row_and_every_row_one_that_exists():
    used = {name for one in PLAYS for name in one.weakenings}
    assert used == set(weakenings())


@pytest.mark.parametrize("name", ["sotto", "sottod"])
def test_the_programs_hold_no_weakening(name):
    """Not even a name of one. In the build of hostile_table.py, whose programs say so, this test means nothing."""
    data = open(program(name), "rb").read()
    if b"\0SOTTO_WEAKEN\0" in data:
        pytest.skip("SKIPPED: these programs carry weakenings")
    assert b"SOTTO_WEAKEN" not in data.replace(b"SOTTO_WEAKENINGS", b"")
    found = [one for one in weakenings() if b"\0" + one.upper().encode() + b"\0" in data]
    assert found == [], "a program to be installed can be weakened"
