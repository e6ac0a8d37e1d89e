# SPDX-License-Identifier: ISC
"""The RSA-2048 key of a user, as a program that knows nothing of sotto reads it."""
import re

from sottotest import run, world


def test_openssl_shows_the_public_key_of_a_user(tmp_path):
    _, ana, bob = world(tmp_path, "ana", "bob")
    shown = ana.run("users", "bob", "--keys", "--pem").out
    said = run(["openssl", "pkey", "-pubin", "-text", "-noout"], stdin=shown).out
    assert "Public-Key: (2048 bit)" in said and re.search(r"Exponent: 65537\b", said), said
    assert run(["openssl", "pkey", "-pubin", "-outform", "DER", "-out", tmp_path / "bob.der"], stdin=shown).exit == 0
    digest = run(["openssl", "dgst", "-sha256", "-r", tmp_path / "bob.der"]).out.split()[0]
    one, = ana.run("users", "bob", "--pem", "--json").objects("user")
    assert one["keys"][0]["sha256"] == digest
    assert shown.endswith(one["keys"][0]["pem"]) and digest in shown.splitlines()[0]
    own, = bob.run("users", "bob", "--pem", "--json").objects("user")
    assert own["keys"][0]["pem"] == one["keys"][0]["pem"]
    assert "pem" not in ana.run("users", "bob", "--keys", "--json").objects("user")[0]["keys"][0]
