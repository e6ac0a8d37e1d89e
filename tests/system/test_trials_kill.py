# SPDX-License-Identifier: ISC
"""kill -9 of server, client or both, again and again while messages flow: nothing that was accepted is lost, nothing is
shown twice, nothing is invented, and each sender's messages stay in order."""
import os
import random
import signal
import threading
import time

import pytest

import sottotest
import wire
from sottotest import Client, Server, reduced
from wire import Member

IN_FLIGHT = 4


class Sender:
    """A device whose messages are sealed beforehand. It repeats what was not accepted, under the same id, in order."""

    def __init__(self, storm, name, count):
        self.storm, self.texts = storm, [f"{name} {i}" for i in range(count)]
        self.member = Member(storm.forge, storm.server, name)
        kind, bundle = self.member.ask(wire.GET_BUNDLE, wire.string("rita"))
        assert kind == wire.BUNDLE
        envelopes = self.member.identity.initial("rita", bundle, *self.texts)
        self.letters = [wire.send("rita", envelope) for envelope in envelopes]
        self.accepted = self.allowed = self.unanswered = self.logins = 0
        self.problem = None
        self.thread = threading.Thread(target=self.guarded, daemon=True)

    def guarded(self):
        try:
            while self.accepted < len(self.letters) and not self.storm.is_over:
                try:
                    self.storm.is_up.wait()
                    self.logins += 1
                    self.member.login()
                    self.pour()
                except (wire.Closed, wire.NoConnection):
                    pass
                finally:
                    self.member.stream.close()
        except BaseException as problem:  # pylint: disable=broad-except
            self.problem = problem

    def pour(self):
        """Sends what is allowed, a few at a time; answers come in the order of the requests."""
        sent = self.accepted
        while self.accepted < len(self.letters) and not self.storm.is_over:
            while sent < min(self.allowed, self.accepted + IN_FLIGHT):
                self.member.say(wire.SEND, self.letters[sent])
                sent += 1
                self.unanswered = sent - self.accepted
            if sent == self.accepted:
                time.sleep(0.001)
                if not self.storm.is_up.is_set():
                    return
                continue
            kind, _, body = self.member.stream.frame()
            assert kind == wire.ACCEPTED, wire.read_error(body)
            self.accepted += 1
            self.unanswered = sent - self.accepted


class Storm:
    def __init__(self, folder, senders, kills, each_time, after_kill):
        self.after_kill = after_kill
        self.forge = wire.Forge()
        self.server = Server(folder)
        self.server.start()
        self.rita = Client(folder, "rita")
        self.rita.join(self.server.invite())
        self.is_up, self.is_over = threading.Event(), False
        self.is_up.set()
        self.senders = [Sender(self, f"s{i}", (kills + 1) * each_time) for i in range(senders)]
        self.each_time, self.received, self.perhaps = each_time, [], []
        self.unanswered = self.client_kills = 0
        self.server.stop()  # the accounts are in the database now, and not in its log
        self.server.start()
        for sender in self.senders:
            sender.thread.start()

    def allow(self, more):
        for sender in self.senders:
            sender.allowed += more

    def once(self, turn, chance):
        """One more portion of messages is sent, and in the middle of it the server is killed, or a receiving client and
        then the server, or both together; or the client stays, and sees the server vanish."""
        self.allow(1)
        client = self.rita.start("recv", "--json", "--timeout", "10s") if turn % 4 else None
        time.sleep(chance.uniform(0.0, reduced(0.09, 0.4) if client else 0.03))
        if turn % 4 in (1, 2):  # both, or it alone and the server a little later
            sottotest.end(client, signal.SIGKILL)
            self.client_kills += 1
        if turn % 4 == 2:
            time.sleep(chance.uniform(0.0, 0.03))
        self.allow(self.each_time - 1)
        time.sleep(chance.uniform(0.0, 0.006))
        self.is_up.clear()
        self.server.kill()
        self.after_kill(self.server)
        self.unanswered += sum(sender.unanswered > 0 for sender in self.senders)
        if client:
            self.note(*client.communicate(timeout=30), client.returncode)
        self.server.start()
        self.is_up.set()
        assert not any(sender.problem for sender in self.senders), [sender.problem for sender in self.senders]

    def note(self, out, err, status):
        said = sottotest.Result(["recv"], status, out.decode(), err.decode(), 0)
        sottotest.check_alive(said)
        if status == -signal.SIGKILL:
            # What is printed is printed again unless the client lived to note that it was: half a line is not read.
            said.out = said.out[:said.out.rfind("\n") + 1]
            self.perhaps += [one["text"] for one in said.objects("message")]
        else:
            assert status in (0, 3, 5), said
            self.received += [one["text"] for one in said.objects("message")]


def storm_of_kills(folder, figures, kills, senders=3, each_time=3, after_kill=lambda server: None):
    seed = int(os.environ.get("SOTTO_SEED", "7"))
    chance = random.Random(seed)
    storm = Storm(folder, senders, kills, each_time, after_kill)
    began = time.monotonic()
    for turn in range(kills):
        storm.once(turn, chance)
    for sender in storm.senders:
        sender.allowed = len(sender.letters)
    for sender in storm.senders:
        sender.thread.join(60)
        assert sender.problem is None and sender.accepted == len(sender.letters), (sender.problem, sender.accepted)
    early = len(set(storm.received) | set(storm.perhaps))
    for _ in range(2):
        storm.received += storm.rita.texts(timeout=300)

    sent = {text for sender in storm.senders for text in sender.texts}
    lost = sent - set(storm.received) - set(storm.perhaps)
    twice = len(storm.received) - len(set(storm.received))
    invented = (set(storm.received) | set(storm.perhaps)) - sent
    figures(f"{kills} kills of the server, {storm.client_kills} of the client, {storm.unanswered} times a sender without "
            f"its answer, {len(sent)} messages accepted, {early} read between kills: lost {len(lost)}, shown twice {twice}, "
            f"invented {len(invented)}, {time.monotonic() - began:.1f} s (seed {seed})")
    assert not lost, "accepted and lost"
    assert twice == 0 and not invented
    for sender in storm.senders:
        own = [text for text in storm.received if text in set(sender.texts)]
        assert own == sorted(own, key=sender.texts.index), "in the order in which they were sent"
    assert storm.unanswered >= kills / 10 and early >= reduced(len(sent) // 4, 0), "the kills met sends and deliveries in flight"


def test_a_hundred_kills_lose_nothing_and_show_nothing_twice(tmp_path, figures):
    storm_of_kills(tmp_path, figures, reduced(100, 10))


@pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED under sanitizers: it judges the test, not the programs")
def test_the_same_storm_notices_that_the_log_is_gone(tmp_path, figures):
    """As if ACCEPTED had been said before the commit: the database's log is emptied after each kill."""
    def forget(server):
        os.truncate(server.database().with_name(server.database().name + "-wal"), 0)

    with pytest.raises(AssertionError, match="accepted and lost"):
        storm_of_kills(tmp_path, figures, 10, after_kill=forget)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_three_thousand_kills_lose_nothing_and_show_nothing_twice(tmp_path, figures, part, monkeypatch):
    monkeypatch.setenv("SOTTO_SEED", str(100 + part))
    storm_of_kills(tmp_path, figures, 300)
