"""The zip of this project's own submission."""

import zipfile

import pytest

from ingestion_test.submissions import PROJECT
from runtime.errors import ChallengeError
from tests.submissions import write
from upload import archive
from upload.archive import build, is_useless


def test_it_holds_the_submission_and_nothing_else(tmp_path):
    size = build(tmp_path / "a.zip")
    assert size == (tmp_path / "a.zip").stat().st_size
    with zipfile.ZipFile(tmp_path / "a.zip") as content:
        for name in content.namelist():
            assert content.read(name) == (PROJECT / name).read_bytes()
        files = {path for path in (PROJECT / "submission").rglob("*") if path.is_file() and path.name != "__main__.py"}
        names = {path.relative_to(PROJECT).as_posix() for path in files if "__pycache__" not in path.parts}
        assert set(content.namelist()) == names | {"model.py"}


def test_the_same_files_give_the_same_zip(tmp_path):
    build(tmp_path / "a.zip")
    build(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_caches_and_hidden_files_are_left_out(tmp_path, monkeypatch):
    files = {"model.py": "", "submission/.git/a.py": "", "submission/__pycache__/a.pyc": "", "submission/.b": ""}
    files |= {"submission/__main__.py": "", "submission/deep/__main__.py": "", "other.py": ""}
    monkeypatch.setattr(archive, "PROJECT", write(tmp_path / "project", files))
    build(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as content:
        assert content.namelist() == ["model.py", "submission/deep/__main__.py"]


def test_a_folder_of_the_user(tmp_path):
    """Its content and not the folder, without caches and hidden files, nor the zip of the last time."""
    files = {"model.py": "a", "parts/b.py": "b", "weights.npz": "c", ".git/x": "", "__pycache__/model.pyc": ""}
    folder = write(tmp_path / "mine", files)
    for _ in range(2):
        build(folder / "mine.zip", folder)
        with zipfile.ZipFile(folder / "mine.zip") as content:
            assert content.namelist() == ["model.py", "parts/b.py", "weights.npz"]
            assert content.read("parts/b.py") == b"b"


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ChallengeError, match=r"has no model\.py at its root"):
        build(tmp_path / "a.zip", write(tmp_path / "mine", {"parts/model.py": ""}))
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("name", "useless"),
    [
        (".git/config", True),
        ("parts/__pycache__/x.pyc", True),
        ("parts/.hidden", False),
        (".weights/w.json", False),
        ("__MACOSX/._model.py", True),
        ("model.py", False),
        ("parts/a.b.c", False),
        ("__pycache__.py", False),
    ],
)
def test_what_is_useless(name, useless):
    assert is_useless(name) is useless


def test_a_zip_that_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(ChallengeError, match=r"a\.zip has .* MB, more than 0: make its files smaller"):
        build(tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to(tmp_path):
    with pytest.raises(ChallengeError, match=r"a\.zip cannot be written: No such file .*; give another place"):
        build(tmp_path / "no" / "a.zip")
