"""The zip for Codabench: what is in it, and what a check of it says."""

import subprocess
import zipfile
from unittest import mock

import pytest

from ingestion_test.submissions import OFFICIAL_MODULES as OFFICIAL_FOLDER
from submission.__main__ import main
from tests.submissions import COMPLETE, good, predicting, write
from upload import checks as upload
from upload.checks import NOT_UPLOADED, OFFICIAL_MODULES, UploadError, build, checks


def _zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _verify(path):
    return [check() for _, check in checks(path)]


def test_our_own_upload(tmp_path, capsys):
    assert main(["build", str(tmp_path / "a.zip")]) == 0
    build(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert "model.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(NOT_UPLOADED)]
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "a.zip")]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line[:2] for line in lines] == ["1.", "2.", "3.", "4.", "5."]
    assert all(" ... ok: " in line for line in lines)
    assert "predicted 2 pseudo-experiments" in lines[-1]
    assert "a.zip is ready. Next: https://www.codabench.org" in last


def test_a_failing_run_is_reported(tmp_path, capsys):
    files = predicting("raise ValueError('on Codabench')")
    assert main(["verify", str(_zip(tmp_path / "a.zip", files))]) == 2
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "1. model.py at the root, nothing useless beside it ... ok: 1 files, 0.0 MB"
    assert shown.out.splitlines()[-1].endswith("... failed")
    assert "Model.predict raised ValueError: on Codabench; `python -m ingestion_test score" in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"inner/model.py": ""}, "no model.py at the root of the zip; it is inner/model.py: zip the content"),
        (COMPLETE | {"parts/__pycache__/x.pyc": ""}, r"holds parts/__pycache__/x\.pyc, a cache"),
        ({"model.py": "type Pair = tuple"}, r"model\.py, line 1: .* the image has Python 3\.10"),
        ({"model.py": "\nimport zuko"}, r"model\.py, line 2, imports zuko, which the image does not have"),
        ({"model.py": "from safetensors.torch import load"}, "imports safetensors"),
        ({"model.py": "import tomllib"}, "imports tomllib, which the image does not have"),
        ({"model.py": "try:\n    import zuko\nexcept ValueError:\n    pass"}, r"line 2, imports zuko"),
        ({"model.py": "try:\n    pass\nexcept ImportError:\n    import zuko"}, r"line 4, imports zuko"),
        ({"model.py": "x = {}\ny = f'{x['a']}'"}, r"model\.py, line 2: .* the image has Python 3\.10"),
        ({"model.py": "", ".git/config": ""}, r"holds \.git/config, a cache or hidden file"),
        ({"model.py": "", ".ipynb_checkpoints/a.py": ""}, r"holds \.ipynb_checkpoints/a\.py, a cache"),
        (predicting(good()) | {"systematics.py": ""}, "has a module systematics and finds its own first"),
        (predicting(good()) | {"parts/datasets.py": ""}, "has a module datasets and finds its own first"),
        (predicting(good()) | {"datasets/a.py": ""}, "has a module datasets and finds its own first"),
    ],
)
def test_what_codabench_would_refuse(files, text, tmp_path):
    with pytest.raises(UploadError, match=text):
        _verify(_zip(tmp_path / "a.zip", files))


@pytest.mark.parametrize(
    "files",
    [
        {"model.py": "import joblib\nfrom tqdm import tqdm\nimport distutils, __future__"},
        {"model.py": "try:\n    import zuko\nexcept (KeyError, ImportError):\n    zuko = None"},
        {"model.py": "try:\n    import zuko\nexcept:\n    zuko = None"},
        {"model.py": "", "weights/systematics.npz": "", "datasets/a.npz": "", "a/b/datasets.py": ""},
        {"model.py": 'x = {}\ny = f"{x[\'a\']:{x[\'b\']}} \\n {{}}"\nz = f"""{x["a"]} \'b\'\n"""'},
    ],
)
def test_what_codabench_would_take(files, tmp_path):
    for _, check in checks(_zip(tmp_path / "a.zip", files))[:-1]:
        check()


def test_a_run_that_does_not_end_and_one_that_is_interrupted(tmp_path, monkeypatch, capsys):
    path = str(_zip(tmp_path / "a.zip", predicting(good())))
    monkeypatch.setattr(upload, "TRIAL_SECONDS", 0.1)
    assert main(["verify", path]) == 2
    assert "the run was not over after" in capsys.readouterr().err
    monkeypatch.setattr(subprocess, "run", mock.Mock(side_effect=KeyboardInterrupt))
    assert main(["verify", path]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_hidden_folders_are_not_built_in(tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "PROJECT", write(tmp_path / "project", {"model.py": "", "submission/.git/a.py": ""}))
    build(tmp_path / "a.zip")
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["model.py"]


def test_what_is_no_zip(tmp_path):
    with pytest.raises(UploadError, match="no such file"):
        _verify(tmp_path / "nowhere.zip")
    with pytest.raises(UploadError, match="is a folder: zip its content"):
        _verify(tmp_path)
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(UploadError, match="is no zip"):
        _verify(tmp_path / "text.zip")
    assert main(["build", str(tmp_path / "no" / "folder.zip")]) == 2


def test_official_modules_are_the_same_everywhere():
    assert {path.stem for path in OFFICIAL_FOLDER.glob("*.py")} == OFFICIAL_MODULES
