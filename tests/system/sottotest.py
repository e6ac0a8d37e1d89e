# SPDX-License-Identifier: ISC
"""The real programs, started, asked and ended by a test.

SOTTO_BIN         folder of the programs (default build/release/bin)
SOTTO_CODES_FILE  every error code that a program printed is appended to this file (scripts/check-codes)
SOTTO_TYPES_FILE  likewise every type of JSON object, as PROGRAM/TYPE (schemas.py)
SOTTO_REDUCED     1: slow tests run smaller (they do so by themselves when the programs carry sanitizers)

Every test has a folder of its own; every process that was started is ended by its own pid.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import schemas

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SOTTO_BIN") or ROOT / "build" / "release" / "bin").resolve()
LISTENING = re.compile(r"is listening on \S*?:(\d+)\b")
CODE_IN_TEXT = re.compile(r"\[([a-z0-9_]+), exit (?:\d+|unchanged)\]")
CODE_IN_JSON = re.compile(r'"code":\s*"([a-z0-9_]+)"')
START_SECONDS = 20
# How many messages a server ever put into its store: of what left it the marks (40 bytes each) are kept for a day.
EVER_STORED = "SELECT (SELECT coalesce(sum(count), 0) FROM runs) + (SELECT coalesce(sum(length(marks)), 0) / 40 FROM marks)"


def carries_sanitizers(program):
    return b"__asan_init" in program.read_bytes() if program.exists() else False


REDUCED = os.environ.get("SOTTO_REDUCED") == "1" or carries_sanitizers(BIN / "sottod")


def reduced(whole, small):
    """The size of a slow test: `whole`, or `small` where the programs are slowed down by sanitizers."""
    return small if REDUCED else whole


def program(name):
    """The path of a program or of a tool of the tests."""
    for folder in (BIN, BIN.parent / "tests", BIN.parent / "tests" / "tools"):
        if (folder / name).is_file():
            return str(folder / name)
    raise FileNotFoundError(f"{name} is not built (looked in {BIN} and {BIN.parent / 'tests'})")


def record_codes(text):
    """Remembers which codes of the catalogue a real program has printed. Returns them in order."""
    found = [match.group(1) for match in CODE_IN_TEXT.finditer(text)]
    found += [match.group(1) for match in CODE_IN_JSON.finditer(text)]
    path = os.environ.get("SOTTO_CODES_FILE")
    if path and found:
        with open(path, "a", encoding="ascii") as file:
            file.write("".join(code + "\n" for code in found))
    return found


def free_port(host="127.0.0.1"):
    """A port that nobody listens on, and that the kernel gives to no outgoing connection meanwhile."""
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, max(end, 20000))
        if is_free(port, host):
            return port


def is_free(port, host="127.0.0.1"):
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        return True
    except OSError:
        return False


def wait_until(claim, seconds=10.0, every=0.01, what="it"):
    """Waits until `claim()` is true; its value is returned. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(every)


def environment(home, **more):
    """What a program sees: nothing of the person who runs the tests."""
    keep = ("PATH", "SOTTO_WEAKEN", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env.update(HOME=str(home), SOTTO_HOME=str(home), LANG="C.UTF-8", TZ="UTC", TERM="dumb")
    env.update({name: str(value) for name, value in more.items() if value is not None})
    return {name: value for name, value in env.items() if name not in more or more[name] is not None}


class Result:
    """What a command said and how it ended."""

    def __init__(self, args, exit_status, out, err, seconds):
        self.args, self.exit, self.out, self.err, self.seconds = args, exit_status, out, err, seconds
        self.codes = record_codes(err + "\n" + out)
        name = next((Path(str(arg)).name for arg in args if Path(str(arg)).name in ("sotto", "sottod")), None)
        if name:
            schemas.check(name, out + "\n" + err)

    @property
    def code(self):
        """The last error code it printed, or None."""
        return self.codes[-1] if self.codes else None

    def objects(self, kind=None):
        """Its stdout as JSON Lines; with `kind` only objects of that type."""
        found = [json.loads(line) for line in self.out.splitlines() if line.strip()]
        return [one for one in found if kind is None or one.get("type") == kind]

    def __repr__(self):
        return (f"{' '.join(map(str, self.args))}\n  exit {self.exit} after {self.seconds:.2f} s\n"
                f"  stdout: {self.out[-2000:]!r}\n  stderr: {self.err[-3000:]!r}")


_started = []
_started_lock = threading.Lock()


def start(args, **options):
    """A process that end_all ends if the test does not."""
    process = subprocess.Popen([str(arg) for arg in args], **options)
    with _started_lock:
        _started.append(process)
    return process


def traced(process):
    """The pid of the program itself: that of the process, or of its child when it runs under strace."""
    try:
        if Path(f"/proc/{process.pid}/comm").read_text().strip() == "strace":
            return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    except (OSError, IndexError):
        pass
    return process.pid


def end(process, how=signal.SIGTERM, seconds=10.0):
    """Ends one process that `start` started; returns its exit status."""
    if process.poll() is None:
        os.kill(traced(process), how)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def started():
    """The processes that were started and are to be ended."""
    with _started_lock:
        return list(_started)


def end_all(but=()):
    with _started_lock:
        left = [process for process in _started if process not in but]
        _started[:] = [process for process in _started if process in but]
    for process in left:
        if process.poll() is None:
            end(process, signal.SIGKILL)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def run(args, expect=0, stdin=b"", timeout=90, **options):
    """Runs a command to its end. `expect`: an exit status, several, or None for any."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    began = time.monotonic()
    process = start(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    try:
        out, err = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{args} did not end within {timeout} s\nstdout: {out!r}\nstderr: {err!r}") from None
    result = Result(args, process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"),
                    time.monotonic() - began)
    check_alive(result)
    if expect is not None:
        allowed = expect if isinstance(expect, (tuple, list, set)) else (expect,)
        assert result.exit in allowed, f"expected exit {expect}: {result!r}"
    return result


def check_alive(result):
    """No program may ever crash, break a promise of its own, or trip a sanitizer."""
    assert result.exit is None or result.exit >= 0 or -result.exit in (signal.SIGTERM, signal.SIGINT,
                                                                       signal.SIGKILL), repr(result)
    for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "ThreadSanitizer"):
        assert sign not in result.err, repr(result)


class Server:
    """One sottod with a data folder, on 127.0.0.1 and a free port unless told otherwise."""

    def __init__(self, folder, *args, host="127.0.0.1", port=None, public=None, prefix=()):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "server"
        self.host, self.port = host, port or free_port(host)
        self.public = public  # what links name instead of the address: a proxy before it
        self.args, self.prefix = list(args), list(prefix)
        self.log_path = self.folder / "sottod.log"
        self.process = None

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def command(self, *args):
        return [program("sottod"), *args, "--data", str(self.data)]

    def start(self, *more, wait=True):
        """Starts it and waits for the line that says it listens. Returns the seconds that took."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = start(
                [*self.prefix, *self.command("serve", "--port", str(self.port), "--bind", self.host,
                                             "--public-host", self.public or self.address, *self.args, *more)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(self.folder))
        if wait:
            def listening():
                text = self.log()[begin:]
                assert self.process.poll() is None, f"sottod ended with {self.process.returncode}: {text}"
                return LISTENING.search(text)
            wait_until(listening, START_SECONDS, 0.002, "sottod listening")
        return time.monotonic() - began

    def log(self):
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def kill(self):
        """kill -9, as a power cut for the process."""
        return end(self.process, signal.SIGKILL)

    def stop(self, seconds=15):
        status = end(self.process, signal.SIGTERM, seconds)
        record_codes(self.log())
        schemas.check("sottod", self.log())
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:", "broken promise"):
            assert sign not in self.log(), self.log()[-4000:]
        return status

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def run(self, *args, expect=0, **options):
        """An administrator's command on this server's data: server.run("key")."""
        return run(self.command(*args), expect, env=environment(self.folder), **options)

    def invite(self, *args):
        """A fresh join link."""
        link = self.run("invite", "create", *args).out.strip()
        assert re.fullmatch(r"sotto://\S+/\S+", link), link
        return link

    def database(self):
        """The path of its SQLite database."""
        for path in sorted(self.data.iterdir()):
            if path.is_file() and path.read_bytes()[:16] == b"SQLite format 3\0":
                return path
        raise AssertionError(f"no database in {self.data}")

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))


class Client:
    """One person's profile, in a folder of its own."""

    def __init__(self, folder, name, passphrase=None, prefix=()):
        self.name, self.home = name, Path(folder) / f"home-{name}"
        self.home.mkdir(parents=True, exist_ok=True)
        self.prefix, self.passphrase_file = list(prefix), None
        if passphrase is not None:
            self.passphrase_file = Path(folder) / f"passphrase-{name}"
            self.passphrase_file.write_text(passphrase)
            self.passphrase_file.chmod(0o600)

    def environment(self, **more):
        return environment(self.home, SOTTO_PASSPHRASE_FILE=self.passphrase_file, **more)

    def command(self, *args):
        return [*self.prefix, program("sotto"), *map(str, args)]

    def run(self, *args, expect=0, stdin=b"", timeout=90, **more):
        return run(self.command(*args), expect, stdin, timeout, env=self.environment(**more))

    def start(self, *args, **more):
        return start(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, env=self.environment(**more))

    def join(self, link, expect=0, *args):
        return self.run("join", link, "--name", self.name, "--no-input", *args, expect=expect)

    def send(self, to, text, *args, expect=0, timeout=90):
        return self.run("send", *args, to, "--", text, expect=expect, timeout=timeout)

    def send_json(self, to, text, *args, expect=0):
        return self.send(to, text, "--json", *args, expect=expect).objects("sent")[0]

    def recv(self, *args, expect=0, timeout=90):
        """What has come: the message objects of `sotto recv --json`."""
        return self.run("recv", "--json", *args, expect=expect, timeout=timeout).objects("message")

    def texts(self, *args, **options):
        return [message["text"] for message in self.recv(*args, **options)]

    def card(self):
        return self.run("card").out.strip()

    def store_files(self):
        return [path for path in sorted(self.home.rglob("*")) if path.is_file()]

    def store_sql(self, statement, passphrase=""):
        """Rows of its encrypted store, each column as bytes."""
        files = {path.suffix: path for path in self.store_files()}
        said = run([program("storesql"), files[".key"], files[".db"], passphrase, statement])
        return [tuple(bytes.fromhex(column) for column in line.split("\t")) for line in said.out.splitlines()]


class Follower:
    """`recv --follow --json`, and what it has shown so far."""

    def __init__(self, client, *args):
        self.client, self.lines, self.errors, self.taken = client, [], b"", 0
        self.process = client.start("recv", "--follow", "--json", *args)
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self.read, self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode())

    def read_errors(self):
        for line in self.process.stderr:
            self.errors += line

    def texts(self):
        return [one["text"] for one in map(json.loads, list(self.lines)) if one["type"] == "message"]

    def take(self, count):
        """The texts of the next so many messages, once they have come."""
        wait_until(lambda: len(self.texts()) >= self.taken + count, 30, what=f"{count} messages")
        self.taken += count
        return self.texts()[self.taken - count:self.taken]

    def end(self, how=signal.SIGTERM):
        """All that it has printed is there then; its exit status."""
        status = end(self.process, how)
        for reader in self.readers:
            reader.join(10)
        record_codes(self.errors.decode())
        schemas.check("sotto", "".join(self.lines) + self.errors.decode())
        return status


def world(folder, *names, server_args=(), passphrase=None):
    """A running server and people who have joined it: server, ana, bob = world(tmp_path, "ana", "bob").

    Joining makes an RSA key, which takes longer than all that most tests do. So each company joins once, and every
    world of theirs is a copy of what was on the disk then, on the same port (a profile knows its server's address)."""
    server = Server(folder, *server_args, port=_company(names, tuple(server_args), passphrase, Path(folder)))
    server.start()
    return (server, *(Client(folder, name, passphrase) for name in names))


_companies = {}


def _company(names, server_args, passphrase, folder):
    """Puts the files of these people and their server into `folder`; returns the server's port."""
    key = (names, server_args, passphrase)
    if key not in _companies or not is_free(_companies[key][0].port):
        home = tempfile.TemporaryDirectory(prefix="sotto-company-")
        server = Server(home.name, *server_args)
        server.start()
        for name in names:
            Client(home.name, name, passphrase).join(server.invite())
        assert server.stop() == 0, server.log()
        server.log_path.unlink()
        _companies[key] = server, home  # the folder goes when nobody knows it any more
    server, home = _companies[key]
    shutil.copytree(home.name, folder, dirs_exist_ok=True)
    return server.port


class Proxy:
    """A TCP proxy before a server: records what passes, holds it back, cuts it, alters it.

    `to_server` and `to_client` are bytearrays of everything that passed since the start."""

    def __init__(self, port, host="127.0.0.1"):
        self.target = (host, port)
        self.to_server, self.to_client = bytearray(), bytearray()
        self.alter_to_server = self.alter_to_client = None
        self.open_gate = threading.Event()
        self.open_gate.set()
        self.free_bytes = self.held = 0
        self.connections = 0
        self._pairs, self._lock, self._closing = [], threading.Lock(), False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target, 5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.append((near, far))
                self.connections += 1
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source, sink, is_to_server):
        record = self.to_server if is_to_server else self.to_client
        passed = 0
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if not is_to_server and passed >= self.free_bytes and not self.open_gate.is_set():
                    self.held += 1
                    self.open_gate.wait()
                passed += len(data)
                record += data
                alter = self.alter_to_server if is_to_server else self.alter_to_client
                sink.sendall(alter(data) if alter else data)
        except OSError:
            pass
        for end_of in (source, sink):
            try:
                end_of.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def hold_answers(self, free_bytes=0):
        """From now on nothing of the server reaches a client, until let_go or cut; `free_bytes` of each connection
        still do."""
        self.free_bytes, self.held = free_bytes, 0
        self.open_gate.clear()

    def let_go(self):
        self.open_gate.set()

    def cut(self):
        """Cuts every connection; held answers are gone with them."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end_of in pair:
                try:
                    end_of.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.open_gate.set()

    def close(self):
        self._listener.close()
        self.cut()
