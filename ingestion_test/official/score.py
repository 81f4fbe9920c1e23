"""The official module `score`: the scores of result files (docs/protocol.md#score)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.files import write_json

from ..scoring import EPSILON, coverage_penalty, score_sets
from .ingestion import Timer

__all__ = ["Scoring"]


class Scoring(Timer):
    """Scores of the result files of a folder.

    Attributes:
        ingestion_results: content of the result files, in the order of the sets.
        ingestion_duration: in minutes.
        scores_dict: what `write_scores` writes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ingestion_results: list[dict[str, Any]] = []
        self.ingestion_duration: float | None = None
        self.scores_dict: dict[str, Any] = {}
        self.score_file = "scores.json"

    def load_ingestion_duration(self, ingestion_duration_file: str | Path) -> None:
        """Read the duration; 0 if there is none."""
        try:
            self.ingestion_duration = json.loads(Path(ingestion_duration_file).read_text())["ingestion_duration"]
        except (OSError, ValueError, KeyError, TypeError):
            self.ingestion_duration = 0

    def load_ingestion_results(self, prediction_dir: str | Path = "./", score_dir: str | Path = "./") -> None:
        """Read the result files of `prediction_dir`; scores will go to `score_dir`."""
        files = {int(path.stem.split("_")[1]): path for path in Path(prediction_dir).glob("result_*.json")}
        self.ingestion_results = [json.loads(files[number].read_text()) for number in sorted(files)]
        self.score_file = str(Path(score_dir, "scores.json"))

    def compute_scores(self, test_settings: Mapping[str, Any]) -> None:
        """Compute the scores from the "ground_truth_mus" of the settings."""
        scores = score_sets(test_settings["ground_truth_mus"], self.ingestion_results)
        names = ("rmse", "mae", "interval", "coverage", "quantiles_score")
        self.scores_dict = {name: getattr(scores, name) for name in names}
        self.scores_dict["ingestion_duration"] = self.ingestion_duration

    def RMSE_score(self, mu: float, mu_hat: npt.ArrayLike, delta_mu_hat: npt.ArrayLike) -> float:
        """sqrt((mu_hat - mu)^2 + ((mu_hat - mu)^2 - delta^2)^2) of one estimate; means within the root, of several."""
        squares, variances = (np.asarray(mu_hat) - mu) ** 2, np.asarray(delta_mu_hat) ** 2
        return float(np.sqrt(np.mean(squares) + np.mean((squares - variances) ** 2)))

    def MAE_score(self, mu: float, mu_hat: npt.ArrayLike, delta_mu_hat: npt.ArrayLike) -> float:
        """|mu_hat - mu| + ||mu_hat - mu| - delta| of one estimate; its mean, of several."""
        distances = np.abs(np.asarray(mu_hat) - mu)
        return float(np.mean(distances) + np.mean(np.abs(distances - np.asarray(delta_mu_hat))))

    def Quantiles_Score(
        self, mu: npt.ArrayLike, p16: npt.ArrayLike, p84: npt.ArrayLike, eps: float = EPSILON
    ) -> tuple[float, float, float]:
        """(mean interval, coverage, score) of intervals, arrays (intervals,)."""
        low, high, true = np.asarray(p16, float), np.asarray(p84, float), np.asarray(mu, float)
        interval, coverage = float(np.mean(np.abs(high - low))), float(np.mean((low <= true) & (true <= high)))
        return interval, coverage, float(-np.log((interval + eps) * coverage_penalty(coverage, len(low))))

    def write_scores(self) -> None:
        """Write `scores.json`."""
        write_json(Path(self.score_file), self.scores_dict)
