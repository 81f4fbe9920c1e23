"""What can be wrong with any file, whatever its format, and with any JSON text."""

import json
import os

from hypothesis import strategies as st

_shares = st.integers(0, 9999).map(lambda number: number / 10_000)

#: What can be wrong with a file, as `spoil` takes it.
FILE_SPOILS = st.one_of(
    st.tuples(st.just("cut"), _shares),
    st.tuples(st.just("flipped"), st.lists(st.tuples(_shares, st.integers(0, 7)), min_size=1, max_size=8)),
    st.tuples(st.just("replaced"), st.binary(max_size=40)),
    st.tuples(st.just("zeroed"), _shares, st.integers(1, 300)),
    st.tuples(st.sampled_from(["missing", "folder", "pipe", "loop", "dangling", "doubled"]), st.just(None)),
)


def spoil(path, how, what, length=0):
    """Spoil the file `path`; `how`, `what` and `length` are what `FILE_SPOILS` draws."""
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how in ("loop", "dangling"):
        path.symlink_to(path if how == "loop" else path.with_name("nowhere"))
    elif how != "missing":
        path.write_bytes(_spoilt(content, how, what, length))


def _spoilt(content, how, what, length):
    if how == "cut":
        return content[: int(what * len(content))]
    if how == "replaced":
        return what
    if how == "doubled":
        return content + content
    changed = bytearray(content)
    if how == "zeroed":
        first = int(what * len(content))
        changed[first : first + length] = bytes(len(changed[first : first + length]))
    else:
        for share, bit in what:
            changed[int(share * len(content))] ^= 1 << bit
    return bytes(changed)


#: Values that JSON can hold, those included that only Python's reader takes for JSON.
JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**400, -(10**19), 1e308, -1e49, 1e-320, "\ud800", "<b>&\n", "1.0", "x" * 3000]),
        st.just({"\ud800": True}),
        st.floats(),
        st.text(max_size=10),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

#: Bytes in the place of a JSON file.
JSON_TEXTS = st.one_of(
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"",
            b"\xff\xfe{\x00}\x00",
            b'\xef\xbb\xbf{"total_rows": 5}',
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b'{"total_rows": ' + b"9" * 5000 + b"}",
            b'{"a": 1, "a": 2}',
            b'{"\xff": 1}',
            b"// comment\n{}",
            b"{'total_rows': 5}",
        ]
    ),
)
