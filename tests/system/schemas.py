# SPDX-License-Identifier: ISC
"""Every JSON object that a program prints in the tests is held against its schema.

schemas/PROGRAM/*.json are installed and promised (sotto-json(7)): members may be added, none goes away or changes its
meaning. So the schemas allow unknown members for those who read with an old one; here a member that no schema names
fails, because nobody could have read of it."""
import json
import os
from functools import lru_cache
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
KEPT = sorted((ROOT / "tests/fixtures").glob("schemas-*.json"))  # of earlier versions: what was promised then holds
LINES_MAX = 200  # of one command: a stream of 10,000 equal objects says no more than its first


def types_of(schema):
    kind = schema["properties"]["type"]
    return kind.get("enum") or [kind["const"]]


@lru_cache
def catalogue(program):
    """Type -> (schema, its validator)."""
    found = {}
    for path in sorted((SCHEMAS / program).glob("*.json")):
        schema = json.loads(path.read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        for kind in types_of(schema):
            assert kind not in found, f"{program}: two schemas for {kind}"
            found[kind] = (schema, jsonschema.Draft202012Validator(schema))
    return found


@lru_cache
def kept(program):
    """(name of the file, type) -> validator, for each version whose schemas are kept."""
    found = {}
    for path in KEPT:
        for name, schema in json.loads(path.read_text("utf-8")).items():
            if name.startswith(f"{program}/"):
                validator = jsonschema.Draft202012Validator(schema)
                found.update({(path.name, kind): validator for kind in types_of(schema)})
    return found


def broken_promises(program, one):
    """What an earlier version promised of such an object, and is not so any more."""
    return [f"{file}: {error.json_path}: {error.message}" for (file, kind), validator in kept(program).items()
            if kind == one.get("type") for error in validator.iter_errors(one)]


def complaints(program, one):
    """What is wrong with one object; an empty list: nothing."""
    known = catalogue(program).get(one.get("type"))
    if known is None:
        return [f"no schema for type {one.get('type')!r}"]
    schema, validator = known
    said = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(one)]
    if schema.get("additionalProperties") is None:
        said += [f"{name} is in no schema" for name in one if name not in schema["properties"]]
    return said + broken_promises(program, one)


def check(program, text):
    """Holds the JSON lines of `text` against the schemas of `program`, and remembers which types came."""
    seen = set()
    for line in [line for line in text.splitlines() if line.startswith('{"v":')][:LINES_MAX]:
        try:
            one = json.loads(line)
        except ValueError:
            continue  # a line that was cut off; who reads all of it parses it itself
        wrong = complaints(program, one)
        assert not wrong, f"{program}: {wrong} in {line[:500]}"
        seen.add(f"{program}/{one['type']}")
    path = os.environ.get("SOTTO_TYPES_FILE")
    if path and seen:
        with open(path, "a", encoding="ascii") as file:
            file.write("".join(kind + "\n" for kind in sorted(seen)))
