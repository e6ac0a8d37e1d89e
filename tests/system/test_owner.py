# SPDX-License-Identifier: ISC
"""Many processes, one account: who connects serves the others, and nothing is lost, doubled or refused for it."""
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

import sottotest
from sottotest import Follower, reduced, wait_until

HELLO = b"\0\0\0\x0c\x01\0\0\0\0sotto\0\x02"
OTHER_HELLO = HELLO[:-1] + b"\x01"
MANY = reduced(50, 20)
SECONDS = reduced(10, 60)  # generous: bench/fifty measures


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    server, *clients = sottotest.world(tmp_path_factory.mktemp("owner"), "ana", "bob")
    clients[0].send("bob", "hello")
    assert clients[1].texts() == ["hello"]
    clients[1].send("ana", "hello")
    assert clients[0].texts() == ["hello"]
    yield server, *clients
    sottotest.end_all()
    server.stop()


def profile(client):
    return client.home / "data" / "default"


def lock_holder(client):
    """The pid of the process that has the profile, or None."""
    with open(profile(client) / "owner.lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        except OSError:
            text = lock.read().strip()
            return int(text) if text else None


def follow(client, *args):
    """A follower that owns the profile and serves others."""
    follower = Follower(client, *args)
    wait_until(lambda: lock_holder(client) == follower.process.pid and knock(client), 10, what="the follower serving")
    return follower


def connect(client):
    """A connection to the profile's socket, whose path may be long."""
    folder = os.open(profile(client), os.O_RDONLY | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(f"/proc/self/fd/{folder}/owner.sock")
        return connection
    finally:
        os.close(folder)


def knock(client):
    try:
        with connect(client) as connection:
            return connection.recv(100) == HELLO
    except OSError:
        return False


def hear_all(connection):
    """Everything until the other end closes."""
    got = b""
    try:
        while part := connection.recv(4096):
            got += part
    except ConnectionResetError:
        pass
    return got


def start_sends(client, to, texts, *args):
    return [client.start("send", *args, to, "--", text) for text in texts]


def results(processes, seconds=60):
    """[(exit status, stderr)], with every code that was printed noted."""
    said = []
    for process in processes:
        out, err = process.communicate(timeout=seconds)
        sottotest.record_codes((err + out).decode())
        said.append((process.returncode, err.decode()))
    return said


def assert_all_sent(processes):
    assert [said for said in results(processes) if said[0] != 0] == []


def assert_each_once(client, texts):
    got = client.recv()
    assert sorted(message["text"] for message in got) == sorted(texts)
    times = [message["time"] for message in got]
    assert times == sorted(times)  # in the order in which they were written
    return [message["text"] for message in got]


# ---- many at once

def test_many_sends_at_once_beside_a_follower(people):
    _, ana, bob = people
    follower = follow(ana)
    texts = [f"beside {i}" for i in range(MANY)]
    began = time.monotonic()
    assert_all_sent(start_sends(ana, "bob", texts))
    assert time.monotonic() - began < SECONDS
    assert lock_holder(ana) == follower.process.pid  # it never had to give the profile away
    assert_each_once(bob, texts)
    bob.send("ana", "to the follower")
    wait_until(lambda: follower.texts() == ["to the follower"], 10, what="the message")
    follower.end()


def test_many_sends_at_once_alone(people):
    _, ana, bob = people
    texts = [f"alone {i}" for i in range(MANY // 2)]
    began = time.monotonic()
    assert_all_sent(start_sends(ana, "bob", texts))
    assert time.monotonic() - began < SECONDS
    assert_each_once(bob, texts)
    assert lock_holder(ana) is None and not (profile(ana) / "owner.sock").exists()


def test_each_of_many_senders_keeps_its_order(people):
    _, ana, bob = people
    follower = follow(ana)
    loop = "for i in 1 2 3 4; do " + sottotest.program("sotto") + ' send bob -- "$0 $i" || exit 1; done'
    loops = [sottotest.start(["sh", "-c", loop, f"sender {n}"], env=ana.environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for n in range(5)]
    assert_all_sent(loops)
    got = assert_each_once(bob, [f"sender {n} {i}" for n in range(5) for i in range(1, 5)])
    for n in range(5):
        assert [text for text in got if text.startswith(f"sender {n} ")] == [f"sender {n} {i}" for i in range(1, 5)]
    follower.end()


@pytest.mark.parametrize("share", [0, 3])
def test_an_owner_killed_in_the_middle(people, share):
    """Some are sent, some are with the owner, some have not come yet: each goes out once, by the next owner."""
    _, ana, bob = people
    follower = follow(ana)
    texts = [f"killed {share} {i}" for i in range(MANY)]
    sends = start_sends(ana, "bob", texts)
    wanted = MANY // share if share else 0
    wait_until(lambda: sum(send.poll() is not None for send in sends) >= wanted, 60, 0.001, "some being sent")
    follower.end(signal.SIGKILL)
    assert_all_sent(sends)
    assert_each_once(bob, texts)


def test_plain_sends_killed_while_they_serve_others(people):
    _, ana, bob = people
    texts = [f"served {i}" for i in range(MANY // 2)]
    sends = start_sends(ana, "bob", texts)
    pids = {send.pid: i for i, send in enumerate(sends)}
    killed = set()

    def kill_one():
        holder = lock_holder(ana)
        if holder in pids and holder not in killed and sends[pids[holder]].poll() is None:
            os.kill(holder, signal.SIGKILL)
            killed.add(holder)
        return len(killed) == 3 or all(send.poll() is not None for send in sends)

    wait_until(kill_one, 60, 0.002, "three owners being killed")
    said = results(sends)
    assert killed
    assert [one for i, one in enumerate(said) if sends[i].pid not in killed and one[0] != 0] == []
    ana.send("bob", "the last one")  # it offers what the killed ones have left in the outbox
    got = bob.texts()
    assert len(got) == len(set(got))
    assert {text for i, text in enumerate(texts) if sends[i].pid not in killed} <= set(got)


# ---- what passes through the socket

def test_what_is_handed_in_ends_as_it_would_without_an_owner(people):
    server, ana, bob = people
    cases = [["nobody-here", "hi"], ["ana", "hi"], ["bob", "hi", "--require-verified"], ["bob,nobody-here", "hi"],
             ["nobody-here,nemo", "hi"]]
    alone = [ana.run("send", *case, "--json", expect=None) for case in cases]
    follower = follow(ana)
    served = [ana.run("send", *case, "--json", expect=None) for case in cases]
    variable = re.compile(r'"(id|time)":"[^"]*"')
    for one, other in zip(alone, served):
        assert (one.exit, one.err) == (other.exit, other.err)
        assert variable.sub("", one.out) == variable.sub("", other.out)
    assert [one.exit for one in served] == [7, 2, 4, 10, 7]
    assert "Nothing was sent to nobody-here." in served[3].err and "Nothing was sent. " in served[4].err
    ana.send("bob", "once", "--id", "some key")
    assert ana.send_json("bob", "once", "--id", "some key")["repeated"]
    queued = ana.send_json("bob", "x" * 65000, "--queue")
    assert queued["state"] == "queued"
    assert ana.send_json("bob", "in a while", "--expire", "10m")["state"] == "accepted"
    waiting = ana.start("send", "--wait=delivered", "--json", "bob", "--", "confirmed")
    got = []
    wait_until(lambda: got.extend(bob.texts()) or waiting.poll() is not None, 20, what="a confirmation")
    out, _ = waiting.communicate()
    assert sottotest.json.loads(out)["state"] == "delivered"
    assert sorted(got) == sorted(["hi", "hi", "once", "x" * 65000, "in a while", "confirmed"])
    late = ana.send("bob", "not confirmed", "--wait=delivered", "--timeout", "1s", expect=3)
    assert late.code == "not_confirmed" and "1 s" in late.err
    assert bob.texts() == ["not confirmed"]
    follower.end()


def test_a_refusal_does_not_outlive_its_reason(tmp_path):
    """A connection that lasts for days does not keep what the server said of a person on the first."""
    server, ana, _ = sottotest.world(tmp_path, "ana", "bob")
    follower = follow(ana)
    assert ana.send("carol", "too early", expect=7).code == "no_such_user"
    carol = sottotest.Client(tmp_path, "carol")
    carol.join(server.invite())
    wait_until(lambda: ana.send("carol", "in time", expect=(0, 7)).exit == 0, 10, what="carol being known")
    assert lock_holder(ana) == follower.process.pid and carol.texts() == ["in time"]
    follower.end()
    server.stop()


def test_others_work_while_messages_stream_in(people):
    """Each borrows the profile; the follower goes on where it was."""
    _, ana, bob = people
    follower = follow(ana)
    texts = [f"stream {i}" for i in range(12)]

    def stream():
        for text in texts:
            bob.send("ana", text)

    sender = threading.Thread(target=stream)
    sender.start()
    borrowed = [ana.run("status"), ana.run("users"), ana.run("recv", "--as", "other", "--since", "1h")]
    ana.send("bob", "meanwhile")
    sender.join(60)
    wait_until(lambda: len(follower.texts()) >= len(texts), 20, what="the stream")
    assert follower.texts() == texts
    assert "connected" in borrowed[0].out and lock_holder(ana) == follower.process.pid
    assert bob.texts() == ["meanwhile"]
    follower.end()


def test_a_follower_connects_again(tmp_path):
    server, ana, bob = sottotest.world(tmp_path, "ana", "bob")
    bob.send("ana", "before")
    follower = follow(ana)
    wait_until(lambda: follower.texts() == ["before"], 10, what="the first message")
    server.kill()
    wait_until(lambda: b'"reconnecting"' in follower.errors, 10, what="the notice")
    refused = ana.send("bob", "now", expect=5)
    assert refused.code in ("server_unreachable", "connection_lost")
    ana.send("bob", "later", "--queue")
    server.start()
    bob.send("ana", "after")
    ana.send("bob", "now")  # who has something to send does not wait for the follower's next try
    wait_until(lambda: follower.texts() == ["before", "after"], 20, what="the second message")
    wait_until(lambda: b'"reconnected"' in follower.errors, 10, what="the other notice")
    assert follower.errors.count(b'"reconnecting"') == 1
    assert bob.texts() == ["later", "now"]
    follower.end()
    server.stop()


# ---- readers beside each other

def has_cursor(client, name):
    return (name.encode(),) in client.store_sql("SELECT name FROM cursor")


def test_two_followers(people):
    """Each has its own cursor, written by the one that is connected; when that is killed, the other one is."""
    _, ana, bob = people
    first = follow(ana)
    second = Follower(ana, "--as", "second")
    wait_until(lambda: has_cursor(ana, "second"), 10, what="its cursor")
    bob.send("ana", "to both 0")
    wait_until(lambda: first.texts() == ["to both 0"], 10, what="the first message")
    wait_until(lambda: second.texts() == ["to both 0"], 10, what="the first message with the second")
    for i in (1, 2):
        bob.send("ana", f"to both {i}")
    all_texts = [f"to both {i}" for i in range(3)]
    wait_until(lambda: first.texts() == second.texts() == all_texts, 10, what="all messages with both")
    assert lock_holder(ana) == first.process.pid
    assert ana.texts("--as", "second") == []  # that cursor is committed: who borrows the profile sees it
    first.end(signal.SIGKILL)
    bob.send("ana", "to one")
    wait_until(lambda: second.texts() == [*all_texts, "to one"], 10, what="the message with the one left")
    assert lock_holder(ana) == second.process.pid
    third = Follower(ana, "-n", "2")  # begins where the first one ended, and ends by itself
    wait_until(lambda: third.texts() == ["to one"], 10, what="what the first one has not seen")
    bob.send("ana", "the last one")
    assert third.process.wait(10) == 0 and third.texts() == ["to one", "the last one"]
    wait_until(lambda: len(second.texts()) == 5, 10, what="the last message")
    second.end()
    assert ana.texts() == ana.texts("--as", "second") == []


def test_waiting_beside_a_follower(people):
    _, ana, bob = people
    follower = follow(ana)
    assert ana.run("recv", "--as", "waiting", "--wait=1s", expect=3).code == "no_message"
    waiting = ana.start("recv", "--as", "waiting", "--wait=30s", "--json")  # its cursor is there since the last one
    bob.send("ana", "for two")
    out, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0 and sottotest.json.loads(out)["text"] == "for two"
    handled = ana.home / "handled"
    told = ana.start("recv", "--as", "waiting", "--follow", "-n", "1", "--exec", "sh", "--",
                     "-c", f"sleep 0.1; cat >> {handled}")
    bob.send("ana", "for a program")
    assert told.wait(20) == 0 and handled.read_text() == "for a program"
    said = ana.run("recv", "--as", "waiting", "--since", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "--wait=1s", expect=None)
    assert said.code == "no_such_message" and said.exit != 0
    wait_until(lambda: len(follower.texts()) == 2, 10, what="both with the follower")
    assert lock_holder(ana) == follower.process.pid
    follower.end()


# ---- owners that do not answer

def test_an_owner_that_hangs(people):
    _, ana, bob = people
    follower = follow(ana)
    os.kill(follower.process.pid, signal.SIGSTOP)
    try:
        for command in (["send", "bob", "hi"], ["users"]):
            began = time.monotonic()
            said = ana.run(*command, "--timeout", "1s", expect=9)
            assert said.code == "store_busy" and f"pid {follower.process.pid}" in said.err
            assert time.monotonic() - began < SECONDS
    finally:
        os.kill(follower.process.pid, signal.SIGCONT)
    ana.send("bob", "goes on")
    assert bob.texts() == ["goes on"]  # "nothing was sent" was the truth
    follower.end()


def test_the_socket_of_a_killed_owner(people):
    _, ana, bob = people
    follow(ana).end(signal.SIGKILL)
    assert (profile(ana) / "owner.sock").exists()
    ana.send("bob", "over its grave")
    assert bob.texts() == ["over its grave"]
    follower = follow(ana)
    ana.send("bob", "through a new one")
    assert bob.texts() == ["through a new one"]
    follower.end()
    (profile(ana) / "owner.sock").unlink(missing_ok=True)
    (profile(ana) / "owner.sock").mkdir()  # no socket can be there: all goes as if there were none
    assert_all_sent(start_sends(ana, "bob", ["one", "two", "three"]))
    assert sorted(bob.texts()) == ["one", "three", "two"]
    (profile(ana) / "owner.sock").rmdir()


class Impostor:
    """Holds the lock and answers on the socket as it was told to."""

    def __init__(self, client, answer):
        self.client, self.answer, self.came = client, answer, []
        self.lock = open(profile(client) / "owner.lock", "rb+")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.lock.write(b"%-20d\n" % os.getpid())
        self.lock.flush()
        (profile(client) / "owner.sock").unlink(missing_ok=True)
        folder = os.open(profile(client), os.O_RDONLY | os.O_DIRECTORY)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(f"/proc/self/fd/{folder}/owner.sock")
        os.close(folder)
        self.socket.listen(100)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.came.append(connection)
            try:
                connection.sendall(self.answer)
            except OSError:
                pass  # it has left again

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.lock.close()
        for connection in self.came:
            connection.close()


@pytest.mark.parametrize("answer", [OTHER_HELLO, b"\0\0\0\x05\x83\0\0\0\0", b"\xff" * 100],
                         ids=["version", "frame", "garbage"])
def test_an_owner_of_another_version_is_waited_for(people, answer):
    _, ana, bob = people
    with Impostor(ana, answer) as impostor:
        if answer == OTHER_HELLO:
            said = ana.send("bob", "hi", "--timeout", "1s", expect=9)
            assert said.code == "store_busy" and f"pid {os.getpid()}" in said.err
        came = len(impostor.came)
        waiting = ana.start("send", "bob", "--", "afterwards")
        wait_until(lambda: len(impostor.came) > came + 3, 10, what="its being asked again and again")
    assert_all_sent([waiting])
    assert bob.texts() == ["afterwards"]


def test_an_owner_that_takes_a_message_and_says_nothing(people):
    _, ana, bob = people
    with Impostor(ana, HELLO):
        said = ana.send("bob", "hi", "--timeout", "1s", expect=5)
        assert said.code == "send_unknown" and re.search(r"--id [0-9A-Z]{26} bob", said.err)
    assert bob.texts() == []


class Deserter(Impostor):
    """Takes a message, and ends without a word; nobody can own the profile after it."""

    def serve(self):
        connection, _ = self.socket.accept()
        connection.sendall(HELLO)
        heard = 0
        while heard < len(HELLO) + len(frame(0x02)):
            heard += len(connection.recv(10000))
        (profile(self.client) / "owner.lock").unlink()
        (profile(self.client) / "owner.lock").mkdir()
        self.lock.close()
        connection.close()


def test_an_owner_that_takes_a_message_and_leaves_it_to_nobody(people):
    """What it took may have been sent: nobody says that nothing was."""
    _, ana, bob = people
    with Deserter(ana, HELLO):
        said = ana.send("bob", "hi", expect=5)
    assert said.code == "send_unknown" and re.search(r"--id [0-9A-Z]{26} bob", said.err), said
    assert "Nothing was sent." in ana.send("bob", "hi", expect=9).err
    (profile(ana) / "owner.lock").rmdir()
    ana.send("bob", "hi")
    assert bob.texts() == ["hi"]


# ---- clients that do not behave

def frame(kind, body=b"", request=1):
    return struct.pack(">IBI", 5 + len(body), kind, request) + body


def test_garbage_on_the_socket_ends_that_connection_alone(people):
    _, ana, bob = people
    follower = follow(ana)
    silent = [connect(ana) for _ in range(3)]
    silent[1].sendall(HELLO[:7])
    silent[2].sendall(HELLO + frame(0x02, b"x" * 100)[:50])
    idle = connect(ana)
    idle.sendall(HELLO)
    began = time.monotonic()
    for garbage in (b"\0" * 100, os.urandom(1000), OTHER_HELLO, frame(0x02), HELLO + HELLO, HELLO + frame(0x7f),
                    HELLO + frame(0x02, b"\0" * 40), HELLO + b"\0\1\xff\xff" + b"x" * 100, HELLO + frame(0x03, b"x"),
                    HELLO + frame(0x03) * 9 + frame(0x02)):
        with connect(ana) as connection:
            connection.sendall(garbage)
            assert hear_all(connection).startswith(HELLO)
    ana.send("bob", "as if nothing had been")
    assert bob.texts() == ["as if nothing had been"]
    for connection in silent:  # a hello or a frame that does not end is not waited for
        assert hear_all(connection) == HELLO
        connection.close()
    assert 1 < time.monotonic() - began < SECONDS
    assert idle.recv(100) == HELLO
    idle.settimeout(0.05)
    with pytest.raises(TimeoutError):
        idle.recv(1)
    idle.close()
    follower.end()


def test_more_clients_than_places(people):
    """Those outside wait until somebody leaves."""
    _, ana, bob = people
    follower = follow(ana)
    inside = [connect(ana) for _ in range(64)]
    for connection in inside:
        connection.sendall(HELLO)
        assert connection.recv(100) == HELLO
    waiting = ana.start("send", "bob", "--", "patient")
    outside = connect(ana)
    outside.settimeout(0.1)
    with pytest.raises(TimeoutError):
        outside.recv(1)
    outside.close()
    inside.pop().close()
    inside.pop().close()
    assert_all_sent([waiting])
    assert bob.texts() == ["patient"]
    for connection in inside:
        connection.close()
    follower.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: only root can be somebody else")
def test_other_users_are_refused(people):
    """Even where the folder lets them in."""
    _, ana, bob = people
    follower = follow(ana)
    ask = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n" \
          "try: print(s.recv(100).hex() or 'closed')\n" \
          "except ConnectionResetError: print('closed')"
    folder = os.open(profile(ana), os.O_RDONLY | os.O_DIRECTORY)
    (profile(ana) / "owner.sock").chmod(0o666)
    os.fchmod(folder, 0o711)

    def said(user):
        args = [sys.executable, "-c", ask, f"/proc/self/fd/{folder}/owner.sock"]
        return subprocess.run(args, user=user, pass_fds=[folder], capture_output=True, timeout=20, check=True).stdout

    try:
        assert said(0).strip() == HELLO.hex().encode()
        assert said(65534).strip() == b"closed"
    finally:
        os.fchmod(folder, 0o700)
        os.close(folder)
    ana.send("bob", "still served")
    assert bob.texts() == ["still served"]
    follower.end()


def test_a_profile_with_a_long_path(tmp_path):
    folder = tmp_path / ("a-folder-with-a-rather-long-name-" * 5) / ("and-another-one-" * 5)
    server, bob = sottotest.world(tmp_path, "bob")
    ana = sottotest.Client(folder, "ana")
    assert ana.join(server.invite(), 0, "--json").objects("account")[0]["name"] == "ana"
    assert ana.run("card", "--json").objects("card")[0]["name"] == "ana"
    follower = follow(ana)
    assert (profile(ana) / "owner.sock").stat().st_mode & 0o777 == 0o600
    ana.send("bob", "from far away")
    assert lock_holder(ana) == follower.process.pid
    assert bob.texts() == ["from far away"]
    follower.end()
    server.stop()
