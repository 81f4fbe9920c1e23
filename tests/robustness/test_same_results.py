"""The comparison of two versions: it sees every number, wherever it is kept, and whether one bit of it differs."""

import io
import json

import numpy as np
import pytest
import torch

from tests.robustness.same_results import compare, named, valued

ARRAY = np.linspace(0, 1, 7)
FRACTION = 0.1


@pytest.fixture
def folders(tmp_path):
    """The same numbers in two layouts: arrays and JSON, and all in one file of weights."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    np.savez(before / "tables.npz", array=ARRAY, version=3)
    (before / "record.json").write_text(json.dumps({"loss": [FRACTION], "minutes": 3.5, "epochs": 4}))
    inner = io.BytesIO()
    np.savez(inner, moved=ARRAY)
    wrapped = torch.frombuffer(bytearray(inner.getvalue()), dtype=torch.uint8)
    torch.save({"tables": wrapped, "record": {"best": FRACTION, "minutes": 9.5}}, after / "all.pt")
    return before, after


def _files(folder):
    return sorted(folder.iterdir())


def test_the_layout_of_files_does_not_matter(folders, capsys):
    before, after = map(valued, map(_files, folders))
    assert len(before) == 2
    assert compare("stages", before, after) == 0
    assert capsys.readouterr().out == "stages: 2 the same to the bit, 0 differ\n"


@pytest.mark.parametrize("name", ["tables.npz", "record.json"])
def test_one_bit_that_differs_is_seen(name, folders, capsys):
    before, after = folders
    if name == "tables.npz":
        np.savez(before / name, array=np.nextafter(ARRAY, 2))
    else:
        (before / name).write_text(json.dumps({"loss": [np.nextafter(FRACTION, 1)]}))
    assert compare("stages", valued(_files(before)), valued(_files(after))) == 1
    text = capsys.readouterr().out
    assert "1 the same to the bit, 1 differ" in text
    assert f"only in ours: {name}" in text
    assert "only in theirs: all.pt" in text


def test_predictions_belong_to_their_names(tmp_path):
    (tmp_path / "result_0.json").write_text('{"p16": [0.1, 0.2]}')
    first = named(_files(tmp_path))
    (tmp_path / "result_0.json").write_text('{"p16": [0.2, 0.1]}')
    assert compare("predictions", first, named(_files(tmp_path))) == 1
