"""Records: what is in them counts, what was cut off does not."""

import json

import pytest

from runtime.errors import ChallengeError
from runtime.record import Record

IDENTITY = {"seed": 7, "data": "a"}


def _lines(path, identity=IDENTITY, resume=True):
    """What a record that is continued has in it."""
    lines = []
    Record(path, identity, resume, lines.append)
    return lines


@pytest.fixture
def path(tmp_path):
    """A record of two lines."""
    record = Record(tmp_path / "out.jsonl", IDENTITY, False, pytest.fail)
    for number in (1, 2):
        record.add({"number": number})
    return record.path


def test_lines_are_on_the_disk_at_once(path):
    assert [json.loads(line) for line in path.read_text().splitlines()] == [IDENTITY, {"number": 1}, {"number": 2}]
    Record(path, IDENTITY, True, lambda line: None).add({"number": 3})
    assert _lines(path) == [{"number": 1}, {"number": 2}, {"number": 3}]


def test_a_line_that_was_cut_off_is_dropped(path):
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        whole = content[:size].count(b"\n")
        assert len(_lines(path)) == max(0, whole - 1)
        assert path.read_bytes() == (b"".join(content.splitlines(True)[:whole]) or content.splitlines(True)[0])


def test_it_is_continued_only_on_demand(path):
    with pytest.raises(ChallengeError, match="holds a run already: continue it with --resume, or choose another"):
        _lines(path, resume=False)


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ({"seed": 8, "data": "a"}, r"another seed \(seed: 7, now 8\); choose another --output"),
        ({"seed": 8, "data": "b"}, r"another seed, data \(seed: 7, now 8, data: 'a', now 'b'\)"),
        ({"more": 1}, r"another more \(more: None, now 1\)"),
    ],
)
def test_that_of_another_run_is_refused(identity, text, path):
    with pytest.raises(ChallengeError, match=text):
        _lines(path, identity)
    assert len(_lines(path, {})) == 2


@pytest.mark.parametrize("line", ["garbage", "[" * 100_000, '{"number"'])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_damage_is_told(line, place, path):
    lines = path.read_text().splitlines()
    lines[place] = line
    path.write_text("\n".join([*lines, ""]))
    with pytest.raises(ChallengeError, match=r"out\.jsonl is damaged .*: choose another --output"):
        _lines(path)


@pytest.mark.parametrize("error", [ValueError, KeyError, TypeError])
def test_lines_that_are_not_what_was_written(error, path):
    def take(line):
        raise error("number")

    with pytest.raises(ChallengeError, match=rf"is damaged \({error.__name__}\('number'\)\)"):
        Record(path, IDENTITY, True, take)


@pytest.mark.parametrize("first", ["3", "[]", "null"])
def test_a_first_line_of_another_kind(first, path):
    path.write_text(first + "\n")
    with pytest.raises(ChallengeError, match="its first line does not say which run it is"):
        _lines(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(ChallengeError, match="is no regular file"):
        _lines(tmp_path)
