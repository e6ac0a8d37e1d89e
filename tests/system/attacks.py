# SPDX-License-Identifier: ISC
"""What a server has to bear: each attack is begun with `with`, goes on beside whoever is measured, and ends with it.
Those that need no TLS run in processes of their own, so that they take no time from the test."""
import contextlib
import itertools
import multiprocessing
import os
import random
import resource
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import sottotest
import wire


def source(number):
    """An address of this machine that honest clients of the tests don't use."""
    return f"127.{1 + number // 200 % 100}.{number % 200}.9"


def connect_many(address, count, first, sources, from_=0):
    """So many connections, in turn from several addresses, each with those bytes sent."""
    made = []
    for i in range(count):
        one = socket.socket()
        one.bind((source(from_ + i % sources), 0))
        try:
            one.connect(address)
            one.sendall(first)
        except OSError:
            pass  # refused: that is the server's right
        made.append(one)
    return made


def client_hello():
    """What a client of ours writes first; a server can't tell a copy from a new one, and answers in full."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = sottotest.start([sottotest.program("tlspipe"), "connect", "127.0.0.1", str(listening.getsockname()[1])])
        listening.settimeout(10)
        with listening.accept()[0] as near:
            near.settimeout(10)
            hello = near.recv(5)
            while len(hello) < 5 + struct.unpack(">H", hello[3:5])[0]:
                hello += near.recv(1 << 14)
        sottotest.end(process)
    return hello


# --- without TLS: in a process of its own -----------------------------------------------------------------------

def again_and_again(address, over, count, first, sources):
    while not over.is_set():
        for one in connect_many(address, count, first, sources):
            one.close()


def hold(address, over, count, first, sources):
    """Those that the server has closed come again."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    made = connect_many(address, count, first, sources)
    while not over.wait(0.1):
        for i, one in enumerate(made):
            one.setblocking(False)
            try:
                gone = one.recv(1 << 14) == b""
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone and not over.is_set():
                one.close()
                made[i] = connect_many(address, 1, first, 1, i % sources)[0]


def garbage(address, over, hello, sources):
    """Noise instead of TLS, noise behind a good beginning, and records that nobody may send yet."""
    chance = random.Random(3)
    for number in itertools.count():
        if over.is_set():
            return
        noise = chance.randbytes(chance.randrange(1, 4000))
        first = (noise, hello[:chance.randrange(1, len(hello))] + noise, b"\x17\x03\x03\x40\x00" + noise, hello + noise)[number % 4]
        for one in connect_many(address, 20, first, sources, 20 * number):
            one.close()


def trickle(address, over, count, hello, sources):
    """Slow writers: a byte of a ClientHello each, and again."""
    made = connect_many(address, count, b"\x16", sources)
    for at in itertools.count(1):
        if over.wait(0.1):
            return
        for i, one in enumerate(made):
            try:
                one.send(hello[at % len(hello):at % len(hello) + 1])
            except OSError:
                one.close()
                made[i] = connect_many(address, 1, b"\x16", 1, i % sources)[0]


def prefer(process):
    """Attackers have machines of their own; here those who are measured stand before them at least, each thread of a
    process. Only root may."""
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, int(task.name), -20)


@contextlib.contextmanager
def beside(what, server, *arguments):
    over = multiprocessing.Event()
    process = multiprocessing.Process(target=what, args=((server.host, server.port), over, *arguments), daemon=True)
    process.start()
    try:
        yield process
        assert process.is_alive(), "the attack went on"
    finally:
        over.set()
        process.join(20)


# --- with TLS ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def malformed_frames(server, count, seed=1):
    """The tool flood: it counts how the server ended each connection. When it is done it begins again."""
    command = [sottotest.program("flood"), str(server.port), str(count), str(seed)]
    process = sottotest.start(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0 and said.startswith(f"{count} told, "), said
    finally:
        sottotest.end(process)


@contextlib.contextmanager
def slow_logins(server, count):
    """Slow writers that have TLS: a byte of a login ten times a second."""
    over, login = threading.Event(), wire.frame(wire.LOGIN, 1, os.urandom(98))
    streams = [wire.connect(server, source=source(i)) for i in range(count)]

    def write():
        for at in itertools.count():
            if over.wait(0.1):
                return
            for stream in streams:
                with contextlib.suppress(wire.Closed):
                    stream.write(login[at % len(login):at % len(login) + 1])
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield streams
    finally:
        over.set()
        thread.join(10)
        for stream in streams:
            stream.close()


def ask_and_do_not_read(member):
    """17 MB of certificates: more than the buffers between them hold, and than a server keeps for anybody."""
    asked = [wire.frame(wire.GET_CERTIFICATE, member.request + 1 + i, wire.string(member.identity.name)) for i in range(2500)]
    with contextlib.suppress(wire.Closed):
        member.stream.write(b"".join(asked))


@contextlib.contextmanager
def deaf(members, slow=0):
    """They ask and never read; `slow` of them read a little each time. Whoever was dropped comes again."""
    over = threading.Event()
    for one in members:
        ask_and_do_not_read(one)

    def go_on():
        while not over.wait(0.1):
            for number, one in enumerate(members):
                try:
                    if number < slow:
                        one.stream.read(1024, 0.01)
                        one.stream.rest = b""
                    one.stream.write(wire.frame(wire.PING, 1 << 30))
                except AssertionError:
                    pass
                except wire.Closed:
                    one.stream.close()
                    with contextlib.suppress(wire.Closed, AssertionError):
                        one.login()
                        ask_and_do_not_read(one)
    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield members
    finally:
        over.set()
        thread.join(10)
        for one in members:
            one.stream.close()


# --- what it costs the others -----------------------------------------------------------------------------------

class Memory:
    """The most resident memory of a server while it is watched."""

    def __init__(self, server):
        self.server, self.most, self.over = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(0.05):
            with contextlib.suppress(OSError):
                self.most = max(self.most, self.server.rss_kib())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *problem):
        self.over.set()
        self.thread.join(5)


def waited(*pids):
    """Seconds for which these processes were ready to run and had no core: the doing of whatever else the machine has to
    do. 0 where the system does not say."""
    nanoseconds = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                nanoseconds += int(path.read_text().split()[1])
    return nanoseconds / 1e9


def p99(seconds):
    return sorted(seconds)[len(seconds) * 99 // 100]


def talk_for(talk, seconds):
    """How long each message took, among as many as a member may send."""
    took, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        took.append(talk())
        time.sleep(0.004)
    return took
