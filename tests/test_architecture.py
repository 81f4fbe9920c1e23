"""The rooms of the house and what each may import."""

import ast
import sys
from pathlib import Path

import pytest

from upload.checks import IMAGE_PACKAGES, PYTHON

ROOT = Path(__file__).resolve().parents[1]

#: What each room may import of the others.
ALLOWED = {
    "runtime": set(),
    "ingestion_test": {"runtime"},
    "submission": set(),
    "model.py": {"submission"},
    "upload": {"runtime", "ingestion_test"},
    "training": {"runtime", "ingestion_test", "submission"},
    "experiments": {"runtime", "ingestion_test", "submission", "training", "model"},
}

#: The command line's door to the room `upload`; it stays here when the rest travels.
DOOR = ROOT / "submission" / "__main__.py"

ROOMS = {name.removesuffix(".py") for name in ALLOWED} | {"tests", "benchmarks"}


def _sources(room):
    path = ROOT / room
    return [path] if path.is_file() else [source for source in sorted(path.rglob("*.py")) if source != DOOR]


def _imported(path):
    """Top-level names that a file imports absolutely."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_import_only_what_they_may(room):
    own = room.removesuffix(".py")
    for path in _sources(room):
        foreign = (set(_imported(path)) & ROOMS) - ALLOWED[room] - {own}
        assert not foreign, f"{path.relative_to(ROOT)} imports {', '.join(foreign)}"


@pytest.mark.parametrize("room", ["submission", "model.py"])
def test_what_is_uploaded_needs_only_the_image(room):
    for path in _sources(room):
        foreign = set(_imported(path)) - sys.stdlib_module_names - IMAGE_PACKAGES - {"submission"}
        assert not foreign, f"{path.relative_to(ROOT)} imports {', '.join(foreign)}"


@pytest.mark.parametrize("room", ["submission", "model.py"])
def test_what_is_uploaded_parses_as_the_image_s_python(room):
    for path in _sources(room):
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=PYTHON)


def test_the_organisers_package_is_only_a_witness():
    for room in ALLOWED:
        for path in _sources(room):
            assert "HiggsML" not in set(_imported(path)), path
    assert "HiggsML" not in IMAGE_PACKAGES
