# SPDX-License-Identifier: ISC
"""cmake --install puts everything in standard places, and a program that knows only what is there can be built with it."""
import os
import shutil
import subprocess

import pytest

import sottotest
from sottotest import BIN, ROOT, environment, run

pytestmark = pytest.mark.skipif(sottotest.REDUCED, reason="SKIPPED: a build with sanitizers is not installed")

SECTIONS = {"1": "man1", "5": "man5", "7": "man7", "8": "man8"}

PROGRAM = """\
#include <sotto/sotto.h>

#include <stdio.h>
#include <string.h>

int main(void) {
    struct sotto_versions versions;
    struct sotto_error error;
    struct sotto *client = NULL;
    struct sotto_options options;
    char name[SOTTO_NAME_SIZE];
    memset(&options, 0, sizeof(options));
    options.home = HOME;
    sotto_versions(&versions);
    if (sotto_name_check("Ana", name, &error) != 0) {
        return 1;
    }
    printf("%s %s %s\\n", versions.sotto, versions.protocol, name);
    if (sotto_open(&options, &client, &error) != 0) {
        printf("%s %d\\n", error.code, error.exit);
    }
    sotto_close(client);
    return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that stands for / in an installed system, and its prefix there."""
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(["cmake", "--install", BIN.parent], env={**os.environ, "DESTDIR": str(folder)}, check=True,
                   stdout=subprocess.DEVNULL)
    return folder, folder / "usr" / "local"


def wanted():
    """Everything that is to be there, below the prefix."""
    found = {"bin/sotto", "bin/sotto-sendmail", "bin/sottod", "include/sotto/sotto.h", "lib/libsotto.a",
             "lib/pkgconfig/libsotto.pc", "lib/sysusers.d/sottod.conf",
             "lib/systemd/system/sottod.service", "lib/systemd/system/sotto-alert@.service",
             "lib/systemd/user/sotto-alert@.service", "lib/systemd/user/sotto-recv@.service",
             "share/bash-completion/completions/sotto", "share/zsh/site-functions/_sotto"}
    found |= {f"share/man/{SECTIONS[page.suffix[1:]]}/{page.name}" for page in (ROOT / "man").iterdir()}
    found |= {f"share/sotto/{path.relative_to(ROOT)}" for path in (ROOT / "schemas").rglob("*.json")}
    return found | {f"share/doc/sotto/{name}" for name in ("LICENSE", "README.md", "CHANGELOG.md", "THIRD-PARTY.md")}


def test_everything_is_in_its_place(installed):
    folder, prefix = installed
    found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
    assert found == wanted()
    assert [path.name for path in folder.iterdir()] == ["usr"], "nothing is outside of the prefix"
    for path in prefix.rglob("*"):
        is_program = path.parent.name == "bin"
        mode = path.stat().st_mode & 0o777
        assert path.is_symlink() or mode == (0o755 if path.is_dir() or is_program else 0o644), path
    for unit in prefix.glob("lib/systemd/*/*"):
        assert "@CMAKE" not in unit.read_text() and "@SOTTO" not in unit.read_text()
        assert f"{prefix}/bin/sotto".replace(str(folder), "") in unit.read_text()


def test_what_was_installed_runs(installed, tmp_path):
    folder, prefix = installed
    for program in ("sotto", "sotto-sendmail", "sottod"):
        assert run([prefix / "bin" / program, "--version"], env=environment(tmp_path)).exit == 0
    complete = (prefix / "share/bash-completion/completions/sotto").read_text()
    assert complete == run([BIN / "sotto", "completion", "bash"], env=environment(tmp_path)).out
    names = subprocess.run(["nm", "-g", "--defined-only", prefix / "lib/libsotto.a"], capture_output=True, text=True,
                           check=True).stdout
    ours = {line.split()[2] for line in names.splitlines() if len(line.split()) == 3 and line.split()[1] == "T"}
    header = (prefix / "include/sotto/sotto.h").read_text()
    assert ours and all(name.startswith("sotto_") and name in header for name in ours), ours


@pytest.mark.parametrize("compiler", [["cc", "-std=c99"], ["c++", "-std=c++11", "-x", "c++"]])
def test_a_program_is_built_with_header_and_pkg_config(installed, tmp_path, compiler):
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"SKIPPED: {compiler[0]} is not there")
    folder, prefix = installed
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(folder)}
    flags = {which: subprocess.run(["pkg-config", which, "libsotto"], env=env, capture_output=True, text=True,
                                   check=True).stdout.split() for which in ("--cflags", "--libs", "--modversion")}
    source = tmp_path / "small.c"
    source.write_text(PROGRAM)
    made = [*compiler, "-Wall", "-Wextra", "-pedantic", "-Werror", f'-DHOME="{tmp_path}"', *flags["--cflags"], source]
    if "-x" in compiler:
        made += ["-x", "none"]
    subprocess.run([*made, "-o", tmp_path / "small", *flags["--libs"]], check=True)
    said = run([tmp_path / "small"], env=environment(tmp_path)).out.splitlines()
    assert said == [f"{flags['--modversion'][0]} sotto-wire/1 ana", "no_account 6"]
