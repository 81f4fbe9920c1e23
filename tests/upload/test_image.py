"""What is known of the image."""

import re
from pathlib import Path

from upload import image

ROOT = Path(__file__).resolve().parents[2]

OF_THE_IMAGE = ("iminuit", "lightgbm", "nflows", "numpy", "pandas", "sklearn", "tensorflow", "torch", "xgboost")


def _section(page, heading):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


def test_packages_are_those_of_the_protocol():
    text = _section("protocol.md", "Image").replace("scikit-learn", "sklearn")
    assert all(name in text for name in image.PACKAGES)
    assert set(OF_THE_IMAGE) <= image.PACKAGES
    assert f"Python {image.PYTHON[0]}.{image.PYTHON[1]}" in text


def test_packages_of_the_image_and_what_they_need_are_told_apart():
    assert not image.PACKAGES & image.DEPENDENCIES
    assert not (image.PACKAGES | image.DEPENDENCIES) & image.STANDARD_LIBRARY


def test_its_standard_library_is_that_of_its_python():
    assert {"distutils", "imp", "os", "dataclasses", "zoneinfo"} <= image.STANDARD_LIBRARY
    assert not {"tomllib", "numpy"} & image.STANDARD_LIBRARY


def test_time_for_a_pseudo_experiment_is_what_the_docs_say():
    assert image.PHASE_SECONDS * image.PROCESSES / image.EXPERIMENTS == 21.6
    assert "in the final phase 22 s" in (ROOT / "docs" / "codabench.md").read_text(encoding="utf-8")
