# SPDX-License-Identifier: ISC
"""The generator of load speaks the protocol as it is, and what it counts is what the server did."""
import json
import sqlite3

import sottotest


def load(server, people, *words):
    done = sottotest.run([sottotest.program("sottod-load"), *words, "--port", str(server.port), "--pid", str(server.process.pid),
                          "--people", str(people)], timeout=120)
    return [json.loads(line) for line in done.out.splitlines()]


def inserted(server):
    """How many messages the server ever put into its store: ids are remembered for a day."""
    with sqlite3.connect(f"file:{server.data / 'server.db'}?mode=ro", uri=True) as database:
        return database.execute(sottotest.EVER_STORED).fetchone()[0]


def test_pairs_and_absent_readers_are_served_and_counted(tmp_path):
    server = sottotest.Server(tmp_path / "server", "--registration", "open")
    people = tmp_path / "people"
    server.start()
    load(server, people, "register", "--count", "8")
    pairs, = load(server, people, "pairs", "--pairs", "4", "--messages", "200")
    assert pairs["messages"] == 200 and pairs["rate"] > 0 and pairs["delivered_p99_us"] >= pairs["delivered_p50_us"] > 0
    before = inserted(server)
    assert before < 220, "each message was inserted, although its reader acknowledges at once"
    stored, drained = load(server, people, "offline", "--pairs", "4", "--messages", "300", "--in-flight", "16")
    assert (stored["mode"], drained["mode"]) == ("store", "drain")
    assert inserted(server) == before + 300
    assert server.stop() == 0
