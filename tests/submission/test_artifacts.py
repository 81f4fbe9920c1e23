"""The files that an estimator is shipped in: what is read back, and what is refused and how."""

import json

import numpy as np
import pytest

from submission import artifacts, codec
from submission.artifacts import ESTIMATOR, MANIFEST, ArtifactError
from submission.estimator import Estimator
from submission.likelihood import Likelihood
from tests.statistics_examples import example_templates


@pytest.fixture(scope="module")
def files():
    """The shipped files by their names."""
    return {path.name: path.read_bytes() for path in artifacts.FOLDER.iterdir()}


def weights(estimator):
    """All arrays of the classifier and the gate."""
    scorer = estimator.histogram.scorer
    return [
        array
        for network in (*getattr(scorer.classifier, "members", (scorer.classifier,)), scorer.gate)
        for array in network.state().weights.values()
    ]


@pytest.fixture
def folder(files, tmp_path):
    """A copy of the shipped artifacts."""
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_what_is_written_is_what_was_read(files):
    estimator, manifest = artifacts.load(), artifacts.load_manifest()
    again = artifacts.contents(estimator, manifest["record"])
    assert set(again) == set(files)
    loaded = codec.decode(Estimator, again[ESTIMATOR])
    assert loaded.belt.config == estimator.belt.config
    assert loaded.likelihood.config == estimator.likelihood.config
    for one, other in (
        (estimator.likelihood.templates.coefficients, loaded.likelihood.templates.coefficients),
        (estimator.belt.lower, loaded.belt.lower),
        *zip(estimator.histogram.score_edges, loaded.histogram.score_edges),
        *zip(*(weights(each) for each in (estimator, loaded))),
    ):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_the_manifest_comes_last_and_says_which_file_it_is_of(files):
    contents = artifacts.contents(Likelihood(example_templates(bins=3)), {"made": "here"})
    assert list(contents) == [ESTIMATOR, MANIFEST]
    manifest = json.loads(contents[MANIFEST])
    assert manifest["record"] == {"made": "here"}
    assert manifest["sha256"].keys() == {ESTIMATOR}


def test_an_estimator_of_another_kind(tmp_path):
    for name, content in artifacts.contents(Likelihood(example_templates(bins=3)), {}).items():
        (tmp_path / name).write_bytes(content)
    assert artifacts.load(tmp_path, Likelihood).templates.bins == 3
    with pytest.raises(ArtifactError, match="class Likelihood, which is no Estimator known here"):
        artifacts.load(tmp_path)


@pytest.mark.parametrize("name", [MANIFEST, ESTIMATOR])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda path: path.unlink(), "missing|cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "damaged|cannot be read"),
        (lambda path: path.write_bytes(b""), "damaged|cannot be read"),
    ],
)
def test_missing_and_damaged_files_are_named_with_the_remedy(name, change, text, folder):
    change(folder / name)
    with pytest.raises(ArtifactError, match=f"{name}.*({text}).*python -m training all"):
        artifacts.load(folder)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"version": 1}, f"is of version 1, this code reads version {codec.VERSION}"),
        ({"sha256": []}, "sha256 or record is no object"),
        ({"record": None}, "sha256 or record is no object"),
        ({"sha256": {ESTIMATOR: "0"}}, "is damaged or of another training"),
    ],
)
def test_a_manifest_that_cannot_be(change, text, folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(ArtifactError, match=f"{text}.*training all"):
        artifacts.load(folder)
