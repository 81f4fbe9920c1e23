"""Output folders of experiments: other results are refused, the same ones continued on demand."""

import argparse
import json
from dataclasses import dataclass

import numpy as np
import pytest

from experiments.outputs import agrees, checksum, claim, kept_rows, record, require_no_loss, some_of
from runtime.errors import ChallengeError
from runtime.files import write_json


def test_a_folder_is_claimed_once_and_continued_on_demand(tmp_path):
    about = {"preset": "smoke", "seed": 1}
    claim(tmp_path / "settings.json", about, resume=False)
    assert json.loads((tmp_path / "settings.json").read_text()) == about
    with pytest.raises(ChallengeError, match="holds results already: add --resume"):
        claim(tmp_path / "settings.json", about, resume=False)
    claim(tmp_path / "settings.json", about, resume=True)


def test_other_results_are_refused_by_what_differs(tmp_path):
    claim(tmp_path / "settings.json", {"preset": "smoke", "seed": 1}, resume=False)
    with pytest.raises(ChallengeError, match=r"holds other results \(seed differ\)"):
        claim(tmp_path / "settings.json", {"preset": "smoke", "seed": 2}, resume=True)
    assert agrees(tmp_path / "settings.json", {"seed": 1})
    assert not agrees(tmp_path / "settings.json", {"seed": 2})
    assert not agrees(tmp_path / "nowhere.json", {"seed": 1})
    (tmp_path / "settings.json").write_text("[]")
    with pytest.raises(ChallengeError, match=r"\(preset, seed differ\)"):
        claim(tmp_path / "settings.json", {"preset": "smoke", "seed": 1}, resume=True)


def test_a_record_is_what_json_gives_back():
    @dataclass
    class Config:
        ends: tuple[float, float]

    assert record(Config((0.5, 1.0))) == {"ends": [0.5, 1.0]}


def test_a_checksum_changes_with_values_shapes_and_order():
    first, second = np.arange(4), np.arange(3.0)
    others = [
        (first + 1, second),
        (first.reshape(2, 2), second),
        (second, first),
        (first,),
        (first.astype(float), second),
    ]
    texts = {checksum(*arrays) for arrays in [(first, second), *others]}
    assert len(texts) == 6
    assert checksum(first.copy(), second) in texts


def test_rows_are_those_that_are_there(tmp_path):
    (tmp_path / "second").mkdir()
    write_json(tmp_path / "second" / "row.json", {"score": 1})
    assert kept_rows(tmp_path, ("first", "second"), "row.json") == {"second": {"score": 1}}
    (tmp_path / "second" / "row.json").write_text("{")
    with pytest.raises(ChallengeError, match=r"row\.json cannot be read"):
        kept_rows(tmp_path, ("second",), "row.json")
    write_json(tmp_path / "second" / "row.json", {})
    with pytest.raises(ChallengeError, match="is no row: remove it"):
        kept_rows(tmp_path, ("second",), "row.json")


def test_a_published_table_is_replaced_by_one_with_its_rows_and_settings_only(tmp_path):
    file, settings = tmp_path / "table.json", {"preset": "full"}
    require_no_loss(file, "rows", {"settings": settings, "rows": {"a": 1}})
    write_json(file, {"settings": settings, "rows": {"a": 1, "b": 2}})
    require_no_loss(file, "rows", {"settings": settings, "rows": {"a": 3, "b": 4, "c": 5}})
    with pytest.raises(ChallengeError, match="lose the rows b: add rows with --resume"):
        require_no_loss(file, "rows", {"settings": settings, "rows": {"a": 3}})
    with pytest.raises(ChallengeError, match="of other settings"):
        require_no_loss(file, "rows", {"settings": {"preset": "smoke"}, "rows": {"a": 3, "b": 4}})


def test_names_that_there_are_not_are_named():
    assert some_of("method", ("a", "b", "c"))("c,a") == ("c", "a")
    with pytest.raises(argparse.ArgumentTypeError, match="no method x; there are a, b"):
        some_of("method", ("a", "b"))("a,x")
