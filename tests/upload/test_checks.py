"""What a check of a zip says before Codabench makes one."""

import stat
import zipfile

import pytest

from ingestion_test.submissions import OFFICIAL_FOLDER, official_modules
from runtime.errors import ChallengeError
from tests.submissions import COMPLETE, good, predicting
from tests.zips import write_zip
from upload import checks as module
from upload.checks import checks


@pytest.fixture(autouse=True)
def _no_trial(monkeypatch):
    monkeypatch.setattr(module, "try_out", lambda path: "not run")


def _verify(path):
    return [check() for _, check in checks(path)]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"inner/model.py": ""}, "no model.py at the root of the zip; it is inner/model.py: zip the content"),
        ({"other.py": ""}, "no model.py at the root of the zip; put it beside the rest"),
        ({"Model.py": ""}, "holds Model.py, and Linux tells cases apart: rename it model.py"),
        ({"inner\\model.py": ""}, "holds inner.model.py: Linux takes the backslash as a part of the name"),
        (predicting(good()) | {"parts\\a.npz": ""}, "holds parts.a.npz: Linux takes the backslash"),
        (COMPLETE | {"parts/__pycache__/x.pyc": ""}, r"holds parts/__pycache__/x\.pyc, which a tool has left"),
        ({"model.py": "type Pair = tuple"}, r"model\.py, line 1: .* the image has Python 3\.10"),
        ({"model.py": "\nimport zuko"}, r"model\.py, line 2, imports zuko, which the image does not have"),
        ({"model.py": "", ".git/config": ""}, r"holds \.git/config, which a tool has left"),
        ({"model.py": "", ".ipynb_checkpoints/a.py": ""}, r"holds \.ipynb_checkpoints/a\.py, which"),
        ({"model.py": "", "./model.py": ""}, r"holds model\.py more than once"),
        (predicting(good()) | {"systematics.py": ""}, "has a module systematics and finds its own first"),
        (
            predicting(good(), head="import datasets") | {"parts/datasets.py": ""},
            "has a module datasets and finds its own first",
        ),
        *(
            (predicting(good()) | {f"{name}.py": ""}, f"has a module {name} and finds")
            for name in ("score", "run_scoring")
        ),
        (
            predicting(good(), head="from ingestion_parallel import work") | {"parts/ingestion_parallel.py": ""},
            "has a module ingestion_parallel and finds",
        ),
        (predicting(good()) | {"datasets/a.py": ""}, "has a module datasets and finds its own first"),
    ],
)
def test_what_codabench_would_refuse(files, text, tmp_path):
    with pytest.raises(ChallengeError, match=text):
        _verify(write_zip(tmp_path / "a.zip", files))


@pytest.mark.parametrize(
    "files",
    [
        {"model.py": "import joblib"},
        {"model.py": "", "weights/systematics.npz": "", "datasets/a.npz": "", "a/b/datasets.py": ""},
        {"./model.py": "from helper import interval", "./parts/helper.py": ""},
        {"model.py": "", "parts/": ""},
        {"model/__init__.py": "from .parts import Model", "model/parts.py": ""},
        {"model.py": "from parts.score import s", "parts/a.py": "from . import score", "parts/score.py": "s = 1"},
        {"model.py": "", ".weights/w.json": "2.5", "__pycache__/w.npz": ""},
    ],
)
def test_what_codabench_would_take(files, tmp_path):
    assert _verify(write_zip(tmp_path / "a.zip", files))[-1] == "not run"


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("weights.npz")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("model.py", "")
        archive.writestr(link, "../weights.npz")
    with pytest.raises(ChallengeError, match=r"holds weights\.npz, a link: pack the file itself"):
        _verify(tmp_path / "a.zip")


def test_what_is_no_zip(tmp_path):
    with pytest.raises(ChallengeError, match=r"no such file: .*`python -m upload build` makes"):
        checks(tmp_path / "nowhere.zip")
    with pytest.raises(ChallengeError, match="is a folder: `python -m upload build"):
        checks(tmp_path)
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(ChallengeError, match="is no zip"):
        checks(tmp_path / "text.zip")


@pytest.mark.parametrize(("size", "times"), [(20_000_000, 60), (0, 10_001)])
def test_bombs_are_refused(size, times, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.py", bytes(size))
        archive.filelist *= times
    with pytest.raises(ChallengeError, match=r"would unpack to .* more than 1,000 MB or 10,000 files"):
        checks(tmp_path / "bomb.zip")


def test_a_zip_that_codabench_does_not_take_for_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(ChallengeError, match=r"the zip has .* MB, more than 0: make its files smaller"):
        _verify(write_zip(tmp_path / "a.zip", {"model.py": ""}))


def test_names_of_the_official_program():
    assert official_modules() == {
        *("datasets", "systematics", "derived_quantities", "ingestion", "ingestion_parallel", "visualization"),
        *("run_ingestion", "score", "run_scoring"),
    }
    assert all((OFFICIAL_FOLDER / f"{name}.py").is_file() for name in official_modules())
