"""Doors of submissions: a zip that `score` unpacks, and one that `python -m upload verify` looks at."""

import functools
import io
import stat
import struct
import warnings
import zipfile
from unittest import mock

from hypothesis import strategies as st

from submission.__main__ import main as submission
from tests.robustness.bad_input.events import write_events
from tests.robustness.bad_input.sandbox import Door
from tests.robustness.bad_input.spoiling import FILE_SPOILS, spoil
from tests.robustness.bad_input.submission import score_one
from tests.submissions import COMPLETE

_MODEL = COMPLETE["model.py"].encode()

_NAMES = st.sampled_from(
    [
        *(
            "../out.py",
            "/tmp/../out.py",
            "parts/../../out.py",
            "..\\out.py",
            "C:\\out.py",
            "\\\\host\\out.py",
            "..",
            "/",
        ),
        *("model.py", "model.py/", "model.py/inner.py", "parts", "parts/", "inner/model.py", "", ".", "a//b.py"),
        *("datasets.py", "parts/systematics.py", "__pycache__/a.pyc", ".hidden", "~/out.py", "-rf", "\u03bc.py"),
        *("a" * 300 + ".py", "a/" * 3000 + "b.py", "new\nline.py", "tab\t.py", "\x1b[31m.py"),
    ]
) | st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=8)

_CONTENTS = st.sampled_from(
    [
        *(
            b"",
            b"x = 1\n",
            b"def broken(:",
            b"\xff\xfe",
            b"a\0b",
            b"(" * 5000,
            b"import zuko",
            b"x = " + b"-" * 100_000 + b"1",
        ),
        *(
            b"from . import a",
            b"import " + b"a" * 3000,
            b"# coding: nonsense\n",
            b"\xef\xbb\xbfx = 1",
            b"x = " + b"9" * 5000,
        ),
    ]
)

_MODES = st.sampled_from([0o644, stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFDIR | 0o755, stat.S_IFCHR, 0])

_METHODS = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])

_MEMBERS = st.lists(st.tuples(_NAMES, _CONTENTS, _MODES, _METHODS), max_size=4)

#: Fields of a member's record in the central directory that are overwritten: (first byte, bytes).
_FIELDS = {
    "flags": (8, 2),
    "method": (10, 2),
    "checksum": (16, 4),
    "packed": (20, 4),
    "size": (24, 4),
    "place": (42, 4),
}

_WHOLE = st.one_of(
    st.just(("as it is",)),
    st.tuples(
        st.just("field"), st.sampled_from(sorted(_FIELDS)), st.sampled_from([0, 1, 9, 99, 0x801, 2**31, 2**32 - 2])
    ),
    st.tuples(st.just("file"), FILE_SPOILS),
    st.tuples(st.just("bomb"), st.sampled_from(["large", "many"])),
    st.tuples(st.just("within"), st.sampled_from(["inner", "a/b"])),
)


def _zip(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, body, mode, method in members:
            member = zipfile.ZipInfo("x")
            member.filename = name  # which the constructor would mend
            member.external_attr, member.compress_type = mode << 16, method
            archive.writestr(member, body)
    return content.getvalue()


@functools.cache
def _bomb(kind):
    """A small zip that would unpack to a gigabyte and more, or to a great many files, all of which are the same one."""
    size, times = (16_000_000, 70) if kind == "large" else (0, 20_000)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.py", _MODEL)
        archive.writestr("zeros.bin", bytes(size))
        archive.filelist += archive.filelist[-1:] * times
    return content.getvalue()


def _with_field(content, field, value):
    """The zip `content` with a field of all members' records in the central directory overwritten."""
    first, size = _FIELDS[field]
    changed, at = bytearray(content), -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        changed[at + first : at + first + size] = struct.pack("<Q", value)[:size]
    return bytes(changed)


def _write(path, members, whole):
    what, *how = whole
    members = [
        ("model.py", _MODEL, 0o644, 8),
        ("parts/helper.py", COMPLETE["parts/helper.py"].encode(), 0o644, 8),
        *members,
    ]
    if what == "within":
        members = [(f"{how[0]}/{name}", *rest) for name, *rest in members]
    content = _bomb(how[0]) if what == "bomb" else _zip(members)
    path.write_bytes(_with_field(content, *how) if what == "field" else content)
    if what == "file":
        spoil(path, *how[0])


def _prepare_score(case, place):
    members, whole = case
    path = place.inputs / "mine.zip"
    _write(path, members, whole)
    write_events(place)
    return functools.partial(score_one, lambda _: None, "--data", str(place.inputs), "--submission", str(path))


def _prepare_verify(case, place):
    members, whole = case
    path = place.inputs / "mine.zip"
    _write(path, members, whole)
    return functools.partial(verify, path)


def verify(path):
    """`verify` up to the point where it runs the submission."""
    with mock.patch("upload.checks.try_out", return_value="not run"):
        return submission(["verify", str(path)])


_CASES = st.tuples(_MEMBERS, _WHOLE)

DOORS = (Door("zips to score", _CASES, _prepare_score), Door("zips to verify", _CASES, _prepare_verify))
