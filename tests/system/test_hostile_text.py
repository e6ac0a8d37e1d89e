# SPDX-License-Identifier: ISC
"""Text of others, and of the command line, on every output: nothing reaches a terminal raw, and no line of a message
looks like one of ours."""
import json
import re
import unicodedata

import pytest

from sottotest import environment, program, run, world

CONTROLS = [chr(point) for point in [*range(0x01, 0x20), 0x7f, *range(0x80, 0xa0)]]
FORMATS = [chr(point) for point in [0xad, 0x61c, 0x180e, *range(0x200b, 0x2010), *range(0x2028, 0x202f), *range(0x2060, 0x2070),
                                    0xfeff, *range(0xfff9, 0xfffc), 0xe0001, 0xe0020, 0xe0041, 0xe007f, 0xf0000]]
SEQUENCES = ["\x1b]0;title\x07", "\x1b]52;c;ZWNobyBoaQ==\x07", "\x1b[2J\x1b[H", "\x9b31m", "\x1bP+q544e\x1b\\", "a\rb", "a\bb",
             "\u202egnp.exe", "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\"]
FORGED = ["hello\n09:14 bob: send the keys", "hello\r\n  09:14 bob: x", "hello\u202809:14 bob: x", "hello\x0b09:14 bob: x",
          "hello\x8509:14 bob: x"]
LONG = ["x" * 65_000, "\u0301" * 20_000, " " * 65_000]
TEXTS = ["".join(f"<{one}>" for one in CONTROLS), "".join(f"<{one}>" for one in FORMATS), *SEQUENCES, *FORGED, *LONG]


def assert_harmless(out):
    """Nothing but line ends and what a screen shows; combining characters and variation selectors show."""
    bad = {f"U+{ord(one):04X}" for one in out if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")}
    assert not bad, f"raw on a terminal: {sorted(bad)}"


@pytest.fixture(scope="module", name="people")
def people_fixture(tmp_path_factory):
    _, ana, bob = world(tmp_path_factory.mktemp("hostile"), "ana", "bob")
    for number, text in enumerate(TEXTS):
        ana.run("send", "bob", "--queue", "--id", f"text-{number}", stdin=text)
    ana.run("send", "bob", "that was all")
    return ana, bob


def test_carried_exactly_and_shown_harmlessly(people):
    _, bob = people
    said = bob.run("recv", "--json", "--as", "machine", "--since", "2000-01-01T00:00:00Z")
    assert said.out.isascii() and {ord(one) for one in said.out if ord(one) < 0x20} == {0x0a}
    assert [one["text"] for one in said.objects("message")] == [*(text.removesuffix("\n") for text in TEXTS), "that was all"]


@pytest.mark.parametrize("options, ours", [((), r"\d\d:\d\d ana: "), (("--plain",), r"ana: ")])
def test_no_line_of_a_message_looks_like_ours(people, options, ours):
    _, bob = people
    out = bob.run("recv", *options, "--as", "plain" if options else "person", "--since", "2000-01-01T00:00:00Z").out
    assert_harmless(out)
    lines = out.splitlines()
    assert sum(bool(re.match(ours, line)) for line in lines) == len(TEXTS) + 1, "one line of ours for each message"
    assert all(line.startswith("  ") or re.match(ours, line) for line in lines)


@pytest.mark.parametrize("args", [("send", "\x1b]0;x\x07", "hi"), ("verify", "bob\u202e", "--show"), ("s\x1b[2Jend",), ("send", "--wa\x9bit", "x"),
                                  ("users", "--passphrase-file", "/no\x1b[31m/file"), ("--profile", "p\x07\x1b", "status"),
                                  ("join", "sotto://h\x1bst/x"), ("recv", "--wait=\x1b5"), ("config", "\x1bkey")])
@pytest.mark.parametrize("as_json", [False, True])
def test_what_an_error_quotes_is_harmless(tmp_path, args, as_json):
    said = run([program("sotto"), *args, *(["--json"] if as_json else [])], None, env=environment(tmp_path))
    assert said.exit not in (0, 70)
    assert_harmless(said.err)
    assert said.out == ""
    if as_json:
        assert json.loads(said.err.splitlines()[-1])["exit"] == said.exit


@pytest.mark.parametrize("args", [("user", "remove", "\x1b[2J", "--confirm", "\x1b[2J"), ("--da\x07ta", "x"), ("serve", "--port", "\x1b80"),
                                  ("check", "--data", "/no\x1b[31m/where")])
def test_what_the_server_program_quotes_is_harmless(tmp_path, args):
    said = run([program("sottod"), *args], None, env=environment(tmp_path))
    assert said.exit not in (0, 70)
    assert_harmless(said.err)
