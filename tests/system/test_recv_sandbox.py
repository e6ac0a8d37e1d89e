# SPDX-License-Identifier: ISC
"""A reader that prints gives up what it does not need before messages come (src/sotto/shut_in.h), and goes on reading."""
import re
from pathlib import Path

import pytest

from sottotest import REDUCED, Follower, end, wait_until, world

pytestmark = pytest.mark.skipif(REDUCED, reason="SKIPPED: a build with sanitizers gives nothing up")


def has_given_up(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE) and re.search(r"^Seccomp:\t2$", status, re.MULTILINE)


def test_a_reader_is_shut_in_and_reads_on(tmp_path):
    server, ana, bob = world(tmp_path, "ana", "bob")
    bob.run("recv")
    reader = Follower(bob)
    wait_until(lambda: has_given_up(reader.process), what="giving up")
    ana.send("bob", "before")
    assert reader.take(1) == ["before"]
    server.kill()
    server.start()  # it connects again from inside: resolver, cards, store
    ana.send("bob", "after")
    assert reader.take(1) == ["after"]
    reader.end()


def test_one_that_runs_a_program_is_not(tmp_path):
    _, _, bob = world(tmp_path, "ana", "bob")
    reader = bob.start("recv", "--follow", "--exec", "cat")
    wait_until(lambda: list(bob.home.rglob("owner.sock")), what="its socket")
    assert not has_given_up(reader)
    end(reader)
