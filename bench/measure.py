# SPDX-License-Identifier: ISC
"""What the benchmarks share: the programs, quantiles, a folder that goes away, one line and one JSON object."""
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "system"))
import sottotest  # noqa: E402 (found beside the system tests)


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(name, line, figures):
    """The line for people on stderr, the figures on stdout."""
    print(f"{name}: {line}", file=sys.stderr)
    print(json.dumps({"bench": name, "cpus": os.cpu_count(), "machine": platform.machine(), **figures}))


def folder():
    """A private folder on a real disk: a sync has to cost what it costs."""
    return tempfile.TemporaryDirectory(prefix="sotto-bench.", dir=os.environ.get("SOTTO_BENCH_DIR") or sottotest.ROOT / "build")


__all__ = ["folder", "quantile", "report", "sottotest"]
