"""The published numbers are those of the page that tells where they are from."""

import re
from pathlib import Path

from experiments.published import BASELINE, CLASSIFIER, CNF, EXACT_SCORE, MLE_NU, WINNERS_SCORE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mathematics.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Published numbers")[2].partition("\n## ")[0]


def _cells(start):
    """Cells of the row of a table that starts with this text, after the first."""
    (row,) = re.findall(rf"^\| {re.escape(start)}.*$", SECTION, re.M)
    return [cell.strip() for cell in row.split("|")[2:-1]]


def test_the_paper_s_methods():
    for start, row in (("contrastive flows", CNF), ("MLE with nu", MLE_NU), ("baseline", BASELINE)):
        assert [float(cell) for cell in _cells(start)] == list(row)


def test_the_paper_s_classifier():
    assert _cells("area under") == [str(CLASSIFIER.auc)]
    rows = {
        "background kept where 10, 20, 30, 50%": CLASSIFIER.background_kept,
        "Cramér-Rao width with all nuisance parameters known, at μ = 0.1, 1, 2, 3": CLASSIFIER.width_known,
        "Cramér-Rao width at μ = 1 with tes": CLASSIFIER.width_tes_jes,
    }
    for start, numbers in rows.items():
        (cell,) = _cells(start)
        assert [float(number) for number in cell.split(",")] == list(numbers.values())
    assert [float(share) for share in CLASSIFIER.background_kept] == [0.1, 0.2, 0.3, 0.5]


def test_scores_of_the_final_phase():
    assert f"winners is {WINNERS_SCORE} for" in SECTION
    assert f"score of {EXACT_SCORE} for" in SECTION
