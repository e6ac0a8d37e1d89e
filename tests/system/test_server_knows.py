# SPDX-License-Identifier: ISC
"""What the server keeps is what docs/SECURITY.md says that it keeps."""
import re
import sqlite3

from sottotest import ROOT, Server


def columns_of_the_page():
    page = (ROOT / "docs/SECURITY.md").read_text()
    section = page.split("## What the server can see", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`(\w+\.\w+)`", row)]


def columns_of_the_database(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [row[0] for row in database.execute(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")]
        return [f"{table}.{row[1]}" for table in tables
                for row in database.execute(f"PRAGMA table_xinfo('{table}')")]


def test_every_column_of_the_server_is_in_the_table(tmp_path):
    server = Server(tmp_path)
    server.start()
    kept = columns_of_the_database(server.database())
    server.stop()
    said = columns_of_the_page()
    assert len(kept) > 40
    assert len(said) == len(set(said)), "a column stands in two rows"
    assert set(kept) - set(said) == set(), "docs/SECURITY.md does not say that the server keeps these"
    assert set(said) - set(kept) == set(), "docs/SECURITY.md names columns that there are not"
