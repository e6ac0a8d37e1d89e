# SPDX-License-Identifier: ISC
import os
import signal

import pytest

import sottotest
import wire

# Started in the background by a shell, pytest would hand on an ignored SIGINT to every program under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = os.environ.get("SOTTO_LONG") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "lasting: waits long for a disk or a clock; starts first, so that nobody waits for it")
    config.addinivalue_line("markers", "long: takes minutes; runs with SOTTO_LONG=1, as ./check --long sets it")


def pytest_collection_modifyitems(items):
    """The long tests are skipped aloud unless they are asked for; those that wait long stand first."""
    items.sort(key=lambda item: item.get_closest_marker("lasting") is None)
    for item in items:
        if item.get_closest_marker("long") and not LONG:
            item.add_marker(pytest.mark.skip(reason="SKIPPED: long, runs with SOTTO_LONG=1 (./check --long)"))


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Whatever a test started is gone when it ends, also when it failed; what its module has in common stays."""
    common = sottotest.started()
    yield
    sottotest.end_all(common)


@pytest.fixture(autouse=True, scope="module")
def no_process_outlives_its_module():
    yield
    sottotest.end_all()


@pytest.fixture
def server(tmp_path):
    """A running server with nobody in it."""
    server = sottotest.Server(tmp_path)
    server.start()
    return server


@pytest.fixture
def forge():
    """The tool that makes keys, proofs and envelopes for tests that speak the wire protocol themselves."""
    return wire.Forge()


@pytest.fixture
def figures(request):
    """Keeps a line of figures; they are printed when all tests have ended."""
    def say(line):
        request.node.user_properties.append(("figures", line))
    return say


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, line in getattr(report, "user_properties", ()):
                if name == "figures" and report.when == "call":
                    terminalreporter.write_line(f"{report.nodeid.rsplit('::', 1)[-1]}: {line}")
