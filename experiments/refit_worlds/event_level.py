"""Runs of `python -m ingestion_test score` on events of a world: what the submission reached there, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.score_runs import load_run
from experiments.table2.rows import row
from ingestion_test import fits
from ingestion_test.scoring import share_interval
from submission.tables import TABLES, TEST

from .worlds import WORLDS


def event_level(world: str, folders: Sequence[Path]) -> dict[str, Any]:
    """What runs have reached in a world.

    Arguments:
        world: name of the world, in `WORLDS`, whose events the runs had.
        folders: output folders of the runs.

    Returns:
        dict: "world" and its "title"; "runs", of each the challenge's "score", "interval", "coverage" and "rmse" with
        errors, the numbers of sets and pseudo-experiments, and the texts "tables" and "test" of what `fit` has done.

    Raises:
        ChallengeError: as `load_run`.
    """
    return {"world": world, "title": WORLDS[world].title, "runs": [_run(folder) for folder in folders]}


def _run(folder: Path) -> dict[str, Any]:
    predictions, said = load_run(folder), fits.summary(folder)
    reached = row(predictions.settings["ground_truth_mus"], predictions.results)
    names = ("score", "interval", "rmse", "num_sets", "num_experiments")
    coverage = reached["coverage"][0]
    ends = share_interval(coverage, reached["num_sets"] * reached["num_experiments"])
    return {
        **{name: reached[name] for name in names},
        "coverage": (coverage, float(np.ptp(ends)) / 2),
        "tables": said.get(TABLES, ""),
        "test": said.get(TEST, ""),
    }
