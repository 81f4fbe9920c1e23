"""What pyproject.toml, the locks and the citation say of the project agrees; an installation works from any folder."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.submissions import good, predicting, write

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = ("runtime", "ingestion_test", "submission", "upload", "training", "measurement", "experiments", "benchmarks")


def _lock(path):
    """Dict from package to the exact version in a file of requirements."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return dict(re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups() for line in lines if line)


def _ranges(*extras):
    """Dict from package to its `Requirement` for the project and some of its extras."""
    project = PROJECT["project"]
    texts = [text for extra in extras for text in project["optional-dependencies"][extra]]
    return {
        Requirement(text).name: Requirement(text) for text in [*(() if extras else project["dependencies"]), *texts]
    }


def test_the_lock_has_what_the_ranges_name_and_nothing_else():
    assert set(_lock(ROOT / "requirements.txt")) == {*_ranges(), *_ranges("tests")}
    measured_against = set(_ranges("benchmarks")) - set(_ranges("tests"))
    assert set(_lock(ROOT / "benchmarks" / "requirements.txt")) == measured_against


@pytest.mark.parametrize("path", ["requirements.txt", "benchmarks/requirements.txt"])
def test_locked_versions_lie_in_the_ranges(path):
    ranges = _ranges() | _ranges("tests", "benchmarks")
    for package, version in _lock(ROOT / path).items():
        assert Version(version) in ranges[package].specifier, package


def test_one_python_everywhere():
    required = PROJECT["project"]["requires-python"]
    version = re.fullmatch(r">=(3\.\d+)", required)[1]
    assert PROJECT["tool"]["mypy"]["python_version"] == version
    assert "target-version" not in PROJECT["tool"]["ruff"], "ruff takes it from requires-python"
    for name in ("README.md", "Makefile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"Python (3\.\d+)(?:\+| or newer)", text)) == {version}, name
    assert f"sys.version_info < {ast.literal_eval(version.replace('.', ','))}" in (ROOT / "Makefile").read_text()


def test_uploaded_code_has_the_image_s_python():
    from upload.image import PYTHON

    targets = PROJECT["tool"]["ruff"]["per-file-target-version"]
    assert set(targets) == {"model.py", "submission/*"}
    assert set(targets.values()) == {"py{}{}".format(*PYTHON)}


def test_rooms_are_installed_and_typed():
    content = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["content"]
    assert set(content) == {"higgsml.py", "model.py", *ROOMS}
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"} == set(ROOMS)
    assert all((ROOT / room / "py.typed").exists() for room in ROOMS)


def test_the_citation_names_this_version():
    version = PROJECT["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


#: A submission whose packages have names of ours, and which starts a process of its own.
NAMESAKE = predicting(
    good("score() + value"),
    fit='assert multiprocessing.get_context("spawn").Pool(1).apply(score) == 0.5',
    head="import multiprocessing\nfrom runtime import value\nfrom submission.score import score",
) | {"submission/__init__.py": "", "submission/score.py": "def score(): return 0.5", "runtime.py": "value = 1.0"}


@pytest.fixture(scope="module", params=["installed", "editable"])
def installation(request, tmp_path_factory):
    """Folder of the programs of a virtual environment that the project is installed in."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("-packages")))
    python, flags = folder / "bin" / "python", ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    editable = ["--editable"] if request.param == "editable" else []
    subprocess.run([python, "-m", "pip", "install", *flags, *editable, str(ROOT)], check=True)
    return folder / "bin"


def _run(command, folder):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_submission_gets_its_own_modules(installation, tmp_path, data_folder):
    folder = write(tmp_path / "mine", NAMESAKE)
    flags = ["--submission", folder, "--data", data_folder, "--sets=1", "--experiments=2", "--workers=2"]
    process = _run([installation / "higgsml", "score", *flags], tmp_path)
    assert process.returncode == 0, process.stderr
    (result,) = tmp_path.glob("runs/*/result_0.json")
    assert json.loads(result.read_text())["mu_hats"] == [1.5, 1.5]


@pytest.mark.slow
def test_an_installation_scores_its_own_submission(installation, tmp_path, data_folder):
    flags = ["--data", data_folder, "--sets=1", "--experiments=1", "--only=0:0"]
    process = _run([installation / "python", "-m", "ingestion_test", "score", *flags], tmp_path)
    assert process.returncode == 0, process.stderr
    assert "mu_hat" in process.stdout
    built = _run([installation / "higgsml", "build", "own.zip"], tmp_path)
    assert built.returncode == 0, built.stderr


@pytest.mark.slow
def test_model_is_no_module_of_an_installation_beside_others(installation):
    (packages,) = installation.parent.glob("lib/python*/site-packages")
    names = {path.stem for path in packages.iterdir()}
    assert not names & {"model", "tests", *ROOMS}
