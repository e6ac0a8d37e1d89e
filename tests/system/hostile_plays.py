# SPDX-License-Identifier: ISC
"""All plays, and what the build without weakenings must not hold."""
import re

# Each registers its plays, in the order of the table.
import hostile_keys        # noqa: F401
import hostile_messages    # noqa: F401
import hostile_theft       # noqa: F401
import hostile_connection  # noqa: F401
from hostile import ROWS, Row, Stage
from sottotest import ROOT

PLAYS = [one for one in ROWS if isinstance(one, Row)]
LISTED = re.compile(r'^WEAKENING\((\w+), "([^"]+)"\)$', re.MULTILINE)


def weakenings():
    """{name: what is left out} of src/base/weaken.def."""
    return {name.lower(): text for name, text in LISTED.findall((ROOT / "src/base/weaken.def").read_text())}


def perform(one, weakening=None):
    """Plays it. None, or how it failed: ("noticed", why), ("broken", why) when it was not even lied to."""
    stage = Stage(weakening)
    try:
        one.play(stage)
        return None
    except Exception as problem:  # whatever a play trips over is its result
        return "noticed" if stage.is_lying and isinstance(problem, AssertionError) else "broken", problem
    finally:
        stage.close()
