"""What the processes of a submission find around them."""

import os
import sys
import warnings
from pathlib import Path

import pytest

from ingestion_test.surroundings import Surroundings, forgive_warnings, image_variables


@pytest.fixture
def _own(tmp_path, monkeypatch):
    """Surroundings that a test may change."""
    monkeypatch.setenv("GONE", "1")
    monkeypatch.setenv("NEW", "1")
    monkeypatch.setattr(sys, "path", ["a", "b"])
    monkeypatch.setattr(sys, "argv", ["program"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()


def _change():
    os.environ["NEW"] = "2"
    os.environ.pop("GONE")
    os.chdir("inner")
    sys.path[:] = ["first", "a", "between", "b", "last"]
    sys.argv.append("--flag")
    return Surroundings.of_this_process()


def _put_back(before):
    os.environ.update(GONE="1", NEW="1")
    os.chdir(before.folder)
    sys.path[:], sys.argv[:] = before.path, before.arguments


@pytest.mark.usefixtures("_own")
def test_changes_are_repeated():
    before = Surroundings.of_this_process()
    after, changes = _change(), before.changes()
    _put_back(before)
    assert Surroundings.of_this_process() == before
    changes.repeat()
    assert Surroundings.of_this_process() == after
    assert Path.cwd().name == "inner"


@pytest.mark.usefixtures("_own")
def test_nothing_is_no_change():
    before = Surroundings.of_this_process()
    before.changes().repeat()
    assert Surroundings.of_this_process() == before


@pytest.mark.usefixtures("_own")
def test_a_folder_that_is_gone_is_no_change(tmp_path):
    before = Surroundings.of_this_process()
    _change()
    changes = before.changes()
    _put_back(before)
    (tmp_path / "inner").rmdir()
    changes.repeat()
    assert Path.cwd() == tmp_path
    (tmp_path / "inner").mkdir()
    os.chdir("inner")
    (tmp_path / "inner").rmdir()
    assert before.changes().folder is None
    os.chdir(tmp_path)


@pytest.mark.parametrize(
    ("paths", "encoding", "is_utf8"),
    [
        ([Path("/data"), None], "iso-8859-1", True),
        ([Path("/dat\xe9")], "iso-8859-1", False),
        ([Path("/dat\xe9")], "utf-8", True),
    ],
)
def test_text_is_utf8_where_all_names_are_found(paths, encoding, is_utf8, monkeypatch):
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode(encoding))
    variables = image_variables(paths)
    assert ("PYTHONUTF8" in variables) == is_utf8
    assert variables["MPLBACKEND"] == "agg"
    assert Path(variables["MATPLOTLIBRC"]).is_file()


def test_warnings_are_no_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forgive_warnings()
        with pytest.warns(UserWarning, match="a"):
            warnings.warn("a", stacklevel=1)
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        forgive_warnings()
        warnings.warn("a", stacklevel=1)
