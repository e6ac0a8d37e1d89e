# SPDX-License-Identifier: ISC
"""What only two people may know is nowhere else: planted strings are searched in everything the server has and in
everything that passed on the wire."""
import os
import re

import pytest

from sottotest import Client, Proxy, Server, wait_until

PLANTED_TEXTS = ["CANARY-9f31-the-key-is-under-the-third-stone", "CANARY-77b0-answer-eight-is-fine"]
PASSPHRASE = "CANARY-c0de-correct-horse-battery"


def forms(secret):
    """A secret as it could lie around: as it is, as hex, in base 64, in UTF-16."""
    import base64
    data = secret.encode() if isinstance(secret, str) else secret
    yield data
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + data)
        yield whole[4 if shift else 0:-4]
    if isinstance(secret, str):
        yield secret.encode("utf-16-le")


def found_in(haystacks, secrets):
    """[(where, what)] of every form of a secret in named bytes."""
    return [(where, secret) for where, data in haystacks for secret in secrets for form in forms(secret) if form in data]


def memory_of(pid):
    """The readable memory of a process, region by region. Needs root: the programs are not dumpable."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r(\S+) \S+ \S+ \S+\s*(.*)", line)
            if not match or match.group(4).startswith("[v"):
                continue
            begin, end = int(match.group(1), 16), int(match.group(2), 16)
            if end - begin > 1 << 32:
                continue  # reserved address space of a sanitizer
            try:
                memory.seek(begin)
                yield f"memory {match.group(4) or hex(begin)}", memory.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue


@pytest.fixture
def conversation(tmp_path):
    """Ana and Bob talk through a recording proxy; both have a passphrase."""
    server = Server(tmp_path)
    proxy = Proxy(server.port)
    server.public = f"127.0.0.1:{proxy.port}"
    server.start()
    ana, bob = Client(tmp_path, "ana", PASSPHRASE), Client(tmp_path, "bob", PASSPHRASE)
    for client in (ana, bob):
        client.join(server.invite())
    ana.send("bob", PLANTED_TEXTS[0])
    assert bob.texts() == [PLANTED_TEXTS[0]]
    bob.send("ana", PLANTED_TEXTS[1])
    ana.send("bob", PLANTED_TEXTS[0] + " again, and this one waits")
    return server, proxy, ana, bob


def private_keys(client):
    """Private keys of account, device and prekeys, out of the client's own store (layouts of src/session/keys.c)."""
    keys = []
    for (saved,) in client.store_sql("SELECT value FROM setting WHERE name='account_keys'", PASSPHRASE):
        keys += [saved[1:33], saved[33:65]]
    for (saved,) in client.store_sql("SELECT keys FROM device", PASSPHRASE):
        # Ed25519, X25519, ML-KEM seed; of RSA's PKCS#8 a piece from the middle, where the primes are.
        keys += [saved[1:33], saved[33:65], saved[65:129], saved[700:764]]
    for (saved,) in client.store_sql("SELECT secret FROM prekey", PASSPHRASE):
        keys += [saved[45:77], saved[77:141]]
    assert all(len(key) >= 32 for key in keys)
    return keys


def secrets_of(*clients):
    """Texts, passphrase, and the private keys out of the clients' stores."""
    keys = [key for client in clients for key in private_keys(client)]
    assert len(keys) >= 2 * (2 + 4 + 2 * 30), "the keys of two devices and accounts"
    return [*PLANTED_TEXTS, PASSPHRASE, *keys]


def test_the_search_finds_what_is_there(tmp_path, conversation):
    server, proxy, ana, _ = conversation
    card = ana.card()
    assert found_in([("x", b"..." + PLANTED_TEXTS[0].encode() + b"...")], PLANTED_TEXTS)
    assert found_in([("x", b"--" + PASSPHRASE.encode().hex().encode())], [PASSPHRASE])
    files = [(str(path), path.read_bytes()) for path in server.data.rglob("*") if path.is_file()]
    assert found_in(files, ["ana"]), "names are in the server's data, as docs/SECURITY.md says"
    if os.geteuid() == 0:
        assert found_in(memory_of(server.process.pid), ["sottod"])
    assert len(proxy.to_server) > 50_000 and card


def test_no_secret_is_in_the_data_and_the_log_of_the_server(conversation):
    server, _, ana, bob = conversation
    secrets = secrets_of(ana, bob)
    files = [(str(path), path.read_bytes()) for path in server.data.rglob("*") if path.is_file()]
    assert files and found_in(files, secrets) == []
    server.stop()
    files = [(str(path), path.read_bytes()) for path in server.data.rglob("*") if path.is_file()]
    assert found_in([*files, ("log", server.log().encode())], secrets) == []


def test_no_secret_is_in_the_memory_of_the_server(conversation):
    if os.geteuid() != 0:
        pytest.skip("SKIPPED: needs root to read the memory of a process that is not dumpable")
    server, _, ana, bob = conversation
    assert found_in(memory_of(server.process.pid), secrets_of(ana, bob)) == []


def test_no_secret_is_in_a_capture_of_the_wire_and_no_name_either(conversation):
    _, proxy, ana, bob = conversation
    capture = [("to the server", bytes(proxy.to_server)), ("to the client", bytes(proxy.to_client))]
    assert found_in(capture, secrets_of(ana, bob)) == []
    assert b"sotto-wire/1" in capture[0][1], "the capture is one: ALPN is in clear"


def test_no_secret_is_in_the_files_of_a_client_with_a_passphrase(conversation):
    _, _, ana, bob = conversation
    assert len(bob.texts()) == 1
    for client in (ana, bob):
        files = [(str(path), path.read_bytes()) for path in client.store_files()]
        assert found_in(files, [*PLANTED_TEXTS, PASSPHRASE, *private_keys(client)]) == []


def test_texts_and_links_are_not_in_the_arguments_of_the_processes_that_do_not_need_them(conversation):
    """The log names nobody who wrote to anybody."""
    server, _, _, _ = conversation
    log = server.log()
    assert "bob" not in log and "127.0.0.1:" not in "".join(re.findall(r"from \S+", log))


def test_no_core_dump_and_no_tracing_by_others(conversation):
    server, _, ana, _ = conversation
    limits = open(f"/proc/{server.process.pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    client = ana.start("recv", "--wait=30s")
    wait_until(lambda: re.search(r"Max core file size\s+0\s+0",
                                 open(f"/proc/{client.pid}/limits", encoding="ascii").read()), 5, what="no core")
    # The files of a process that is not dumpable belong to root, whoever runs it.
    if os.geteuid() != 0:
        assert os.stat(f"/proc/{server.process.pid}/mem").st_uid == 0
