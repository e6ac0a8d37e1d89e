# SPDX-License-Identifier: ISC
"""What the documents say of numbers and names is what the sources say."""
import re
import subprocess

import pytest

import wire
from sottotest import ROOT

ROW = re.compile(r'^E\(\s*\w+\s*,\s*(\d+)\s*,\s*"(\w+)"\s*,\s*(\d+)', re.MULTILINE)


def catalogue():
    return ROW.findall((ROOT / "src/base/errors.def").read_text())


def test_the_pages_of_errors_are_the_catalogue():
    said = subprocess.run([ROOT / "scripts/errors-doc", "--check"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_error_numbers_of_the_protocol_page_are_those_of_the_catalogue():
    page = (ROOT / "docs/PROTOCOL.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (\d+) \|$", page, re.MULTILINE)
    assert rows == [row for row in catalogue() if row[0] != "0"]
    assert wire.ERRORS == {int(number): code for number, code, _ in rows}


def test_types_of_the_protocol_page_are_those_of_the_header():
    page = (ROOT / "docs/PROTOCOL.md").read_text()
    rows = dict(re.findall(r"^\| ([0-9a-f]{2}) \| ([A-Z_]+) \|", page, re.MULTILINE))
    header = dict((f"{int(value, 16):02x}", name) for name, value in re.findall(
        r"WIRE_([A-Z_]+) = (0x[0-9a-f]+),", (ROOT / "src/wire/frame.h").read_text()))
    assert rows == header


def test_files_that_the_documents_name_exist():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for path in re.findall(r"`?\b((?:src|docs|tests|scripts|bench|include)/[\w./-]+\w)", page.read_text()):
            assert (ROOT / path).exists() or list(ROOT.glob(path + "*")), f"{page.name} names {path}"


def test_tests_that_the_pages_name_exist():
    """`file: test`, `test`, ... names tests of the file that was named last."""
    for page in (ROOT / "docs").rglob("*.md"):
        for line in re.split(r"\n\n|\n(?=\|)", page.read_text()):
            for file, first, more in re.findall(r"`((?:test|hostile)_\w+|\w+_test): (\w+)`((?:,\s+`\w+`)*)", line):
                found = [*ROOT.glob(f"tests/system/{file}.py"), *ROOT.glob(f"tests/unit/{file}.c")]
                assert found, f"{page.name} names {file}"
                source = found[0].read_text()
                for name in [first, *re.findall(r"\w+", more)]:
                    assert re.search(rf"\b{name}\b", source), f"{page.name} names {file}: {name}"


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "man").iterdir()))
def test_manual_pages_are_clean(page):
    lint = subprocess.run(["mandoc", "-Tlint", ROOT / "man" / page], capture_output=True, text=True, check=False)
    assert [line for line in lint.stdout.splitlines() if "referenced manual not found" not in line] == []


def test_manual_pages_name_pages_that_are_there():
    own = {tuple(path.name.rsplit(".", 1)) for path in (ROOT / "man").iterdir()}
    for path in (ROOT / "man").iterdir():
        for name, section in re.findall(r"^\.Xr (sotto\S*) (\d)", path.read_text(), re.MULTILINE):
            assert (name, section) in own, f"{path.name} names {name}({section})"
