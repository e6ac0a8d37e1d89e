# SPDX-License-Identifier: ISC
"""A reader that goes on connects again by itself, and says so; what makes an account is an object too."""
import time

from sottotest import Client, Server, end, record_codes


def test_follow_connects_again(tmp_path):
    server = Server(tmp_path)
    server.start()
    bob = Client(tmp_path, "bob")
    made = bob.join(server.invite(), 0, "--json")
    assert made.objects("account")[0]["name"] == "bob"
    assert bob.run("card", "--json").objects("card")[0]["name"] == "bob"
    reader = bob.start("recv", "--follow")
    time.sleep(1)
    server.kill()
    server.start()
    time.sleep(4)
    end(reader)
    codes = record_codes(reader.stderr.read().decode())
    assert "reconnecting" in codes and "reconnected" in codes, codes
