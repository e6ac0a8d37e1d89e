# SPDX-License-Identifier: ISC
"""The floods of test_flood.py at full size, each beside 500 honest clients (sottod-load: 250 pairs, 250 messages a
second, and it fails when one of its connections ends)."""
import contextlib
import json
import subprocess

import pytest

import attacks
import sottotest
from attacks import Memory
from wire import Forge, Member

pytestmark = pytest.mark.long

PAIRS, IDLE, RATE, SECONDS = 250, 5000, 250, 20
PERSON_BYTES = 96  # a row of the file that `sottod-load register` makes
PROMPT_MS, RECONNECTING_MS, MEMORY_KIB = 20, 50, 150 * 1024


class Crowd:
    """A server, those who talk honestly, and those who may be idle."""

    def __init__(self, folder, idle):
        self.server = sottotest.Server(folder, "--registration", "open", "--max-clients", str(2 * PAIRS + idle + 100))
        self.server.start()
        attacks.prefer(self.server.process)
        self.honest, self.idle = folder / "honest", folder / "idle"
        sottotest.run(self.load("register", self.honest, "--count", 2 * PAIRS + idle), timeout=900)
        rows = self.honest.read_bytes()
        self.honest.write_bytes(rows[:2 * PAIRS * PERSON_BYTES])
        self.idle.write_bytes(rows[2 * PAIRS * PERSON_BYTES:])

    def load(self, mode, people, *more):
        return [sottotest.program("sottod-load"), mode, "--port", self.server.port, "--people", people, *more]

    def clients(self):
        return self.server.run("stats", "--json").objects("stats")[0]["clients"]

    def start(self):
        """The honest ones; comes back when all of them are in."""
        process = sottotest.start(self.load("rate", self.honest, "--pairs", PAIRS, "--rate", RATE, "--messages",
                                            RATE * SECONDS), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        attacks.prefer(process)
        sottotest.wait_until(lambda: self.clients() >= 2 * PAIRS, 120, 0.2, "all honest clients are in")
        return process

    @contextlib.contextmanager
    def idle_ones(self):
        """Logged in, and silent; like the others, none of them may be disconnected."""
        process = sottotest.start(self.load("idle", self.idle, "--count", IDLE, "--stay", SECONDS + 10),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        yield
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0 and f"{IDLE} connections stand" in said, said


def end(process):
    """What the honest ones measured; none was disconnected."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out)


def eves(crowd, count):
    forge = Forge()
    return [Member(forge, crowd.server, f"eve{i}", publishes=False) for i in range(count)]


ATTACKS = {
    "malformed frames": lambda crowd: attacks.malformed_frames(crowd.server, 10000),
    "half-open": lambda crowd: attacks.beside(attacks.hold, crowd.server, 5000, attacks.client_hello()[:200], 100),
    "silent": lambda crowd: attacks.beside(attacks.hold, crowd.server, 5000, b"", 100),
    "handshakes": lambda crowd: attacks.beside(attacks.again_and_again, crowd.server, 1000, attacks.client_hello(), 100),
    "idle": Crowd.idle_ones,
    "garbage": lambda crowd: attacks.beside(attacks.garbage, crowd.server, attacks.client_hello(), 100),
    "slow writers": lambda crowd: attacks.beside(attacks.trickle, crowd.server, 1000, attacks.client_hello(), 100),
    "slow logins": lambda crowd: attacks.slow_logins(crowd.server, 100),
    "slow readers": lambda crowd: attacks.deaf(eves(crowd, 40), slow=40),
    "deaf": lambda crowd: attacks.deaf(eves(crowd, 40)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_five_hundred_honest_clients_are_served_beside_it(tmp_path, figures, attack):
    crowd = Crowd(tmp_path, IDLE if attack == "idle" else 0)
    with Memory(crowd.server) as calm_memory:
        calm = end(crowd.start())
    nuisance = ATTACKS[attack](crowd)
    process = crowd.start()
    with Memory(crowd.server) as memory, nuisance:
        said = end(process)
    more = (memory.most - calm_memory.most) / 1024
    figures(f"p50 {said['delivered_p50_us'] / 1000:.2f}, p99 {said['delivered_p99_us'] / 1000:.1f} ms (in calm "
            f"{calm['delivered_p99_us'] / 1000:.1f}); accepted p99 {said['accepted_p99_us'] / 1000:.1f} ms (in calm "
            f"{calm['accepted_p99_us'] / 1000:.1f}); {said['messages']} messages, 0 disconnected, {more:.0f} MiB more")
    prompt_ms = RECONNECTING_MS if attack == "handshakes" else PROMPT_MS
    assert said["delivered_p99_us"] < max(1000 * prompt_ms, 1.1 * calm["delivered_p99_us"]), (said, calm)
    assert memory.most - calm_memory.most <= MEMORY_KIB
