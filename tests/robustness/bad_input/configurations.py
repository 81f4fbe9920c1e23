"""The door of configurations in TOML files, as `python -m training --config` takes them."""

import argparse
import functools
import json

from hypothesis import strategies as st

from runtime.errors import run_command
from tests.robustness.bad_input.sandbox import Door
from training.config import PRESETS
from training.config_file import load_config


def _fields(record, path=()):
    """Paths of all tables and fields of a configuration."""
    for name, value in record.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from _fields(value, (*path, name))


_PATHS = sorted(_fields(PRESETS["default"].record())) + [("base",), ("more",), ("gate", "more"), ("belt", "class")]

#: What TOML can hold.
_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from([10**400, -(10**19), "none", "paper", "1"]),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
        st.dates(),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abz-_", min_size=1), inner, max_size=3),
    max_leaves=6,
)

_TEXTS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [b"", b"\xff\xfe", b"base = 'default'\nbase = 'default'", b"a = " + b"[" * 100_000, b"[belt]\n[belt]", b"{}"]
    ),
)

_CASES = st.one_of(
    st.tuples(
        st.just("fields"),
        st.sampled_from(sorted(PRESETS)),
        st.lists(st.tuples(st.sampled_from(_PATHS), _VALUES), min_size=1, max_size=3),
    ),
    st.tuples(st.just("text"), st.just("default"), _TEXTS),
    st.tuples(st.sampled_from(["missing", "folder"]), st.just("default"), st.none()),
)


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, bool | str) else str(value)


def _prepare(case, place):
    what, base, given = case
    path = place.inputs / "own.toml"
    if what == "fields":
        lines = [f"{'.'.join(keys)} = {_toml(value)}" for keys, value in given]
        path.write_text("\n".join([f'base = "{base}"', *lines]), encoding="utf-8")
    elif what == "text":
        path.write_bytes(given)
    elif what == "folder":
        path.mkdir()
    return functools.partial(run_command, argparse.Namespace(command=lambda _flags: load_config(path)), "a test")


DOORS = (Door("training configurations", _CASES, _prepare),)
