# SPDX-License-Identifier: ISC
import signal

import pytest

import sottotest

# Started in the background by a shell, pytest would hand on an ignored SIGINT to every program under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Whatever a test started is gone when it ends, also when it failed."""
    yield
    sottotest.end_all()


@pytest.fixture
def figures(request, capsys):
    """Prints a line of figures although pytest captures what tests print."""
    def say(line):
        with capsys.disabled():
            print(f"\n  {request.node.name}: {line}", flush=True)
    return say
