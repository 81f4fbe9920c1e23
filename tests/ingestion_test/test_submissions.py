"""How submissions are found, unpacked and loaded."""

import stat
import subprocess
import sys
import zipfile

import pytest

from ingestion_test import submissions
from ingestion_test.submissions import OFFICIAL_FOLDER, OWN_SUBMISSION, PROJECT, checksum, prepare
from runtime.errors import ChallengeError
from tests.submissions import COMPLETE, good, predicting, write
from tests.zips import write_zip


def _prepare(path, directory, output="out"):
    return prepare(path, directory, output)


def test_a_folder_is_copied(tmp_path):
    rest = {"__pycache__/x.pyc": "", ".git/config": "", "out/result_0.json": "", "parts/.hidden": ""}
    folder = write(tmp_path / "mine", COMPLETE | rest)
    (folder / "parts" / "circle").symlink_to("..")
    (folder / "link.py").symlink_to("model.py")
    (folder / "run.sh").touch(0o755)
    assert _prepare(folder, tmp_path / "work", folder / "out") == tmp_path / "work"
    copied = {str(path.relative_to(tmp_path / "work")) for path in (tmp_path / "work").rglob("*")}
    assert copied == {*COMPLETE, "parts", "parts/.hidden", "link.py", "run.sh", "__pycache__"}
    assert (tmp_path / "work" / "run.sh").stat().st_mode & 0o111
    assert checksum(tmp_path / "work") != checksum(folder)  # that of the results in it


def test_a_folder_with_much_beside_the_submission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_FILES", 2)
    with pytest.raises(ChallengeError, match="more than 1,000 MB or 2 files: give a folder that"):
        _prepare(write(tmp_path / "mine", COMPLETE), tmp_path / "work")


def test_no_name_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path / "mine", COMPLETE))
    with pytest.raises(ChallengeError, match="--submission is empty"):
        _prepare("", tmp_path / "work")


def test_a_zip_is_unpacked(tmp_path):
    folder = _prepare(write_zip(tmp_path / "mine.zip", COMPLETE), tmp_path / "work")
    assert folder == tmp_path / "work"
    assert (folder / "parts/helper.py").read_text() == COMPLETE["parts/helper.py"]


def test_our_own_submission_is_what_is_uploaded(tmp_path):
    folder = _prepare(None, tmp_path / "work")
    assert sorted(path.name for path in folder.iterdir()) == sorted(OWN_SUBMISSION)
    assert (folder / "model.py").read_bytes() == (PROJECT / "model.py").read_bytes()


@pytest.mark.parametrize("name", ["../out.py", "/out.py", "parts/../../out.py", "..\\out.py", "C:\\out.py"])
def test_no_member_leaves_the_folder(name, tmp_path):
    path = write_zip(tmp_path / "bad.zip", COMPLETE | {name: "bad"})
    with pytest.raises(ChallengeError, match="would be unpacked outside the folder"):
        _prepare(path, tmp_path / "deep" / "work")
    assert not list(tmp_path.rglob("*out.py"))


def test_links_are_refused(tmp_path):
    path = tmp_path / "bad.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ChallengeError, match="'link' is a link"):
        _prepare(path, tmp_path / "work")


@pytest.mark.parametrize(("size", "times"), [(20_000_000, 60), (0, 10_001)])
def test_bombs_are_refused(size, times, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.py", bytes(size))
        archive.filelist *= times
    with pytest.raises(ChallengeError, match=r"would unpack to .* refused above 1,000 MB or 10,000 files"):
        _prepare(tmp_path / "bomb.zip", tmp_path / "work")
    assert not list((tmp_path / "work").iterdir())


def test_what_is_no_submission(tmp_path):
    with pytest.raises(ChallengeError, match="no such submission"):
        _prepare(tmp_path / "nowhere", tmp_path / "work")
    with pytest.raises(ChallengeError, match=r"has no model\.py at its root; it is what"):
        _prepare(write(tmp_path / "empty", {"other.py": ""}), tmp_path / "work")
    with pytest.raises(ChallengeError, match="it lies in inner/"):
        _prepare(write_zip(tmp_path / "deep.zip", {"inner/model.py": ""}), tmp_path / "work")
    (tmp_path / "no.zip").write_text("text")
    with pytest.raises(ChallengeError, match="cannot be unpacked"):
        _prepare(tmp_path / "no.zip", tmp_path / "work")


def test_checksum_sees_names_and_contents_but_no_caches(tmp_path):
    folder = write(tmp_path / "a", COMPLETE)
    first = checksum(folder)
    write(folder, {"__pycache__/model.pyc": "x", ".git/config": "y"})
    assert checksum(folder) == first
    write(folder, {".hidden": "y"})
    assert checksum(folder) != first
    (folder / ".hidden").unlink()
    write(folder, {"parts/other.py": ""})
    second = checksum(folder)
    assert second != first
    (folder / "parts/other.py").write_text("#")
    assert checksum(folder) not in (first, second)


def _load(folder, code="pass"):
    """Load a submission in a fresh interpreter, as a worker does, and run `code` there."""
    script = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n"
        "from ingestion_test.submissions import load_model, set_path\n"
        "from runtime.errors import ChallengeError\n"
        f"set_path({str(folder)!r})\n"
        "try:\n"
        f"    Model = load_model({str(folder)!r})\n"
        "except ChallengeError as error:\n"
        "    sys.exit('refused: ' + str(error))\n"
        f"{code}\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_siblings_are_found(tmp_path):
    result = _load(write(tmp_path, COMPLETE), "print(Model.__name__)")
    assert (result.stdout, result.returncode) == ("Model\n", 0)


def test_the_model_may_be_a_package(tmp_path):
    files = {"model/__init__.py": "from .parts import Model", "model/parts.py": COMPLETE["model.py"]}
    folder = _prepare(write_zip(tmp_path / "a.zip", files | {"helper.py": "interval = 1"}), tmp_path / "out")
    loaded = _load(folder, "print(Model.__module__)")
    assert (loaded.stdout, loaded.returncode) == ("model.parts\n", 0), loaded.stderr


def test_names_of_the_official_program_are_taken(tmp_path):
    files = predicting(good(), head="import datasets, visualization, systematics; print(datasets.__file__)")
    result = _load(write(tmp_path, files | {"datasets.py": "wrong", "visualization.py": "wrong"}))
    assert "official_modules" in result.stdout, result.stderr
    shared = _load(write(tmp_path, predicting(good(), head="from systematics import systematics")))
    assert shared.returncode == 0, shared.stderr


def test_all_names_of_an_official_module_can_be_imported(tmp_path):
    """Those of what it has imported itself are among them."""
    head = (
        "from derived_quantities import *; from systematics import *; assert sqrt(np.pi) and pd and copy and DER_data"
    )
    loaded = _load(write(tmp_path, predicting(good(), head=head)))
    assert loaded.returncode == 0, loaded.stderr


@pytest.mark.slow
@pytest.mark.parametrize("module", ["datasets", "score"])
def test_official_modules_and_namesakes_of_ours_do_not_meet(module, tmp_path):
    """Whichever the submission imports first, here and in a process without anything of this project."""
    files = predicting(good(), head=f"from runtime.errors import mine\nimport {module}") | {
        "runtime/__init__.py": "",
        "runtime/errors.py": "mine = 1",
    }
    folder = write(tmp_path / "submission", files)
    loaded = _load(folder, f"import {module}, runtime.errors; assert runtime.errors.mine and {module}.__all__")
    assert loaded.returncode == 0, loaded.stderr
    for first in (f"import runtime.errors, {module}", f"import {module}, runtime.errors"):
        script = f"import sys; sys.path[:0] = {[str(OFFICIAL_FOLDER), str(folder)]}; {first}; runtime.errors.mine"
        alone = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/")
        assert alone.returncode == 0, alone.stderr


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"model.py": "import nonsense_that_is_not_there"}, "ModuleNotFoundError: No module named 'nonsense"),
        ({"model.py": "def broken(:"}, "SyntaxError"),
        ({"model.py": "class Other: pass"}, "defines no class Model"),
        ({"model.py": "Model = 3"}, "defines no class Model"),
        ({"model.py": "import training"}, "No module named 'training'"),
    ],
)
def test_what_cannot_be_loaded(files, text, tmp_path):
    result = _load(write(tmp_path, files))
    assert result.returncode == 1
    assert result.stderr.startswith("refused: ")
    assert text in result.stderr
