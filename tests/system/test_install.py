# SPDX-License-Identifier: ISC
"""What the manual says is installed is installed, and runs from there."""
import subprocess

from sottotest import BIN, ROOT, environment, run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_programs_pages_and_schemas_are_installed(tmp_path):
    root = tmp_path / "usr"
    subprocess.run(["cmake", "--install", BIN.parent, "--prefix", root], check=True, capture_output=True, timeout=60)
    assert names(root / "bin") == ["sotto", "sotto-sendmail", "sottod"]
    pages = [path for path in (root / "share" / "man").rglob("*") if path.is_file()]
    assert sorted(path.name for path in pages) == names(ROOT / "man")
    assert all(path.parent.name == f"man{path.suffix[1:]}" for path in pages)
    for program in ("sotto", "sottod"):
        assert names(root / "share" / "sotto" / "schemas" / program) == names(ROOT / "schemas" / program)
    assert names(root / "lib" / "systemd" / "system") == ["sottod.service"]
    for program in names(root / "bin"):
        run([root / "bin" / program, "--version"], env=environment(tmp_path))
