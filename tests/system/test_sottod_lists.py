# SPDX-License-Identifier: ISC
"""sottod user list and invite list, beside a running server and without one."""
import json

from sottotest import Client, Server
from test_errors import check


def objects(result):
    return [json.loads(line) for line in result.out.splitlines()]


def test_user_list(tmp_path, server):
    assert server.run("user", "list").out == ""
    ana, bob = Client(tmp_path, "ana"), Client(tmp_path, "bob")
    ana.join(server.invite("--admin"))
    bob.join(server.invite())
    ana.send("bob", "one")
    ana.send("bob", "two")
    rows = objects(server.run("user", "list", "--json"))
    assert [(row["name"], row["admin"], row["keys"], row["waiting"]) for row in rows] == [
        ("ana", True, True, 0), ("bob", False, True, 2)]
    assert rows[1]["waiting_bytes"] >= 2 * 342
    server.stop()
    lines = [line.split() for line in server.run("user", "list").out.splitlines()]
    assert [(line[0], line[2:]) for line in lines] == [("ana", ["0", "waiting", "admin"]), ("bob", ["2", "waiting"])]
    assert lines[0][1] == rows[0]["since"]


def test_invite_list(tmp_path, server):
    before = len(objects(server.run("invite", "list", "--json")))
    link = server.invite("--expires", "7d")
    server.invite("--admin")
    Client(tmp_path, "ana").join(link)
    rows = objects(server.run("invite", "list", "--json"))
    assert len(rows) == before + 2
    assert [(row["state"], row["admin"]) for row in rows].count(("used", False)) == 1
    assert [(row["state"], row["admin"]) for row in rows].count(("open", True)) == 1
    text = server.run("invite", "list").out
    assert link not in text and text.count("until") == len(rows)


def test_lists_without_data(tmp_path):
    check(Server(tmp_path).run("user", "list", expect=9), "no_data")
    check(Server(tmp_path).run("invite", "list", expect=9), "no_data")
    check(Server(tmp_path).run("user", "lists", expect=2), "usage")
