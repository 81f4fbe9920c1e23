"""What pages show as code does what the text around it says."""

import json
import re
from pathlib import Path

import pytest

from ingestion_test.cli import main
from ingestion_test.pseudo_experiments import ground_truth_mus
from tests.submissions import write

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page, language):
    """The blocks of code of a page in a language, in their order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.slow
def test_the_first_model_of_write_a_model(tmp_path, data_folder):
    """Its interval is the middle 68.27% of the range of mu, whatever the events."""
    folder = write(tmp_path / "my_submission", {"model.py": blocks("write-a-model.md", "python")[0]})
    flags = ["--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "out")]
    assert main(["score", *flags, "--sets", "3", "--experiments", "5", "--workers", "1"]) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    result = json.loads((tmp_path / "out" / "result_0.json").read_text())
    low, high = result["p16"][0], result["p84"][0]
    assert (high - low) / (3 - 0.1) == pytest.approx(0.6827, abs=1e-3)
    assert scores["coverage"] == pytest.approx(sum(low <= mu <= high for mu in ground_truth_mus(3, 31415)) / 3)
    assert 0 < scores["coverage"] < 1
