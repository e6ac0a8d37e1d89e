# SPDX-License-Identifier: ISC
"""Two people without a route between them, holidays, many at once."""
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

import sottotest
import wire
from sottotest import Client, Server, program, reduced, world
from test_errors import check


def may_make_namespaces():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    tried = subprocess.run(["ip", "netns", "add", f"sotto-try-{os.getpid()}"], capture_output=True, check=False)
    if tried.returncode == 0:
        subprocess.run(["ip", "netns", "del", f"sotto-try-{os.getpid()}"], check=False)
    return tried.returncode == 0


class Islands:
    """Namespaces A, S, B; links A-S and S-B, both without forwarding: no route leads from A to B."""

    def __init__(self):
        tag = f"st{os.getpid() % 10000}"
        self.names = {one: f"{tag}{one}" for one in "ASB"}
        self.ip("netns", "add", self.names["S"])
        self.inside("S", "ip", "link", "set", "lo", "up")
        for number, one in ((1, "A"), (2, "B")):
            self.ip("netns", "add", self.names[one])
            self.ip("link", "add", f"{tag}s{one}", "netns", self.names["S"], "type", "veth", "peer", "name", f"{tag}e{one}",
                    "netns", self.names[one])
            for place, device, host in (("S", f"{tag}s{one}", 1), (one, f"{tag}e{one}", 2)):
                self.inside(place, "ip", "address", "add", f"10.91.{number}.{host}/24", "dev", device)
                self.inside(place, "ip", "address", "add", f"fd91:{number}::{host}/64", "dev", device, "nodad")
                self.inside(place, "ip", "link", "set", device, "up")
            self.inside(one, "ip", "link", "set", "lo", "up")

    @staticmethod
    def ip(*args):
        subprocess.run(["ip", *args], check=True, capture_output=True)

    def prefix(self, one):
        return ["ip", "netns", "exec", self.names[one]]

    def inside(self, one, *args, check=True):
        return subprocess.run([*self.prefix(one), *args], check=check, capture_output=True)

    def close(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def islands():
    if not may_make_namespaces():
        pytest.skip("SKIPPED: network namespaces are not allowed here (root and CAP_NET_ADMIN are needed)")
    made = Islands()
    yield made
    sottotest.end_all()
    made.close()


@pytest.mark.parametrize("server_for_a, server_for_b", [("10.91.1.1", "10.91.2.1"), ("fd91:1::1", "fd91:2::1")])
def test_a_message_between_two_networks_without_a_route(tmp_path, islands, server_for_a, server_for_b):
    assert islands.inside("A", "ip", "route", "get", server_for_b.replace("::1", "::2").replace(".1", ".2"),
                          check=False).returncode != 0, "there is no route from A to B"
    port = 8123
    server = Server(tmp_path, host="::", port=port, prefix=islands.prefix("S"))
    server.start()
    ana = Client(tmp_path, "ana", prefix=islands.prefix("A"))
    bob = Client(tmp_path, "bob", prefix=islands.prefix("B"))
    for client, host in ((ana, server_for_a), (bob, server_for_b)):
        client.join(address_in(server, server.invite(), host))
    ana.send("bob", "across")
    assert bob.texts() == ["across"]
    bob.send("ana", "and back")
    assert ana.texts() == ["and back"]


def address_in(server, link, host):
    """The same invite under another address of the server, with check characters that fit."""
    payload = link.rsplit("/", 1)[1]
    shown = f"[{host}]" if ":" in host else host
    text = f"sotto://{shown}:{server.port}/{payload[:42].upper()}"
    return text + wire.check_characters("sotto-link:", text)


@pytest.mark.lasting
def test_ten_thousand_messages_while_the_recipient_is_away(tmp_path, figures):
    """As many as a mailbox holds, from five senders: all of them, in each sender's order, once. One more is refused."""
    senders, each = 5, reduced(2000, 40)
    server, rita, *people = world(tmp_path, "rita", *(f"s{i}" for i in range(senders)))
    pours = [sottotest.start([program("pour"), str(person.home), "rita", str(each), person.name],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for person in people]
    began = time.monotonic()
    for pour in pours:
        out, err = pour.communicate(timeout=300)
        assert pour.returncode == 0, err
        assert int(out.split()[0]) == each
    sending = time.monotonic() - began
    if not sottotest.REDUCED:
        check(people[0].send("rita", "one too many", expect=8), "mailbox_full")
    began = time.monotonic()
    messages = rita.recv(timeout=300)
    taking = time.monotonic() - began
    figures(f"{len(messages)} messages: sent in {sending:.1f} s, received in {taking:.1f} s")
    assert len({message["id"] for message in messages}) == len(messages) == senders * each
    for person in people:
        own = [message["text"] for message in messages if message["from"] == person.name]
        assert own == [f"{person.name} {i}" for i in range(each)]
    assert rita.recv() == []
    assert server.is_running()


def test_twenty_sends_at_once(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    running = [ana.start("send", "bob", f"number {i}", "--timeout", "60s") for i in range(20)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert sorted(bob.texts()) == sorted(f"number {i}" for i in range(20))


@pytest.mark.lasting
def test_client_51_of_50_is_told_that_the_server_is_full(tmp_path):
    """`sottod --port P --max-clients 50`: the 51st is refused with a time to try again, the 50 stay."""
    limit = 50
    server = Server(tmp_path, "--max-clients", str(limit))
    server.start()
    clients = [Client(tmp_path, f"c{i}") for i in range(limit + 1)]
    gate = threading.Semaphore(4)

    def join(client, link):
        with gate:
            client.join(link)

    joins = [threading.Thread(target=join, args=(client, server.invite())) for client in clients]
    for one in joins:
        one.start()
    for one in joins:
        one.join()

    waiting = [client.start("recv", "--wait=120s", "--json") for client in clients[:limit]]
    last = clients[limit]

    def is_full():
        # The question takes a place for a moment, and one of the 50 may find none: it comes again.
        for i, process in enumerate(waiting):
            if process.poll() is not None:
                waiting[i] = clients[i].start("recv", "--wait=120s", "--json")
        said = last.run("recv", expect=(0, 8))
        return said if said.exit == 8 else None

    said = sottotest.wait_until(is_full, 60, 0.5, "the server being full")
    check(said, "server_full")
    assert "30 seconds" in said.err
    check(last.send("c0", "hello?", expect=8), "server_full")
    assert all(process.poll() is None for process in waiting), "who is in stays in"
    sottotest.end(waiting[7], signal.SIGTERM)
    sottotest.wait_until(lambda: last.run("recv", expect=(0, 8)).exit == 0, 20, 0.1, "a free place")
    last.send("c0", "now there is room")
    out, err = waiting[0].communicate(timeout=30)
    assert b"now there is room" in out, err


def test_a_ring_of_people_writing_and_reading_at_once(tmp_path):
    """Every one of some clients sends to the next while it receives from the one before."""
    count = reduced(12, 4)
    _, *people = world(tmp_path, *(f"p{i}" for i in range(count)))
    results = {}

    def live(i):
        me, other = people[i], people[(i + 1) % count]
        for turn in range(3):
            me.send(other.name, f"{turn} from {me.name}")
            results.setdefault(i, []).extend(me.texts())

    threads = [threading.Thread(target=live, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, person in enumerate(people):
        got = results.get(i, []) + person.texts()
        assert got == [f"{turn} from {people[i - 1].name}" for turn in range(3)]
