"""The official modules `ingestion` and `ingestion_parallel`: a model meets the pseudo-experiments of a run.

Source: docs/protocol.md#seeds, docs/protocol.md#output-files.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.files import write_json

from ..callables import TrainSet
from ..pseudo_experiments import plan
from ..schema import PREDICTION_KEYS, RESULT_LISTS
from .datasets import Data
from .systematics import generate_pseudo_exp_data, systematics

#: The last is not official; the model that is given it is sent to other processes.
__all__ = ["DEFAULT_INGESTION_SEED", "Ingestion", "TrainSet"]

DEFAULT_INGESTION_SEED = 31415


class Timer:
    """Attributes: start_time, end_time: times, None before."""

    def __init__(self) -> None:
        self.start_time: datetime.datetime | None = None
        self.end_time: datetime.datetime | None = None

    def start_timer(self) -> None:
        """It is `start_time`."""
        self.start_time = datetime.datetime.now()

    def stop_timer(self) -> None:
        """It is `end_time`."""
        self.end_time = datetime.datetime.now()

    def get_duration(self) -> datetime.timedelta | None:
        """Between start and stop; None if one of them is missing."""
        if self.start_time is None or self.end_time is None:
            return None
        return self.end_time - self.start_time

    def show_duration(self) -> None:
        """Print it."""
        print(f"[✔] Total duration: {self.get_duration()}")


class Ingestion(Timer):
    """A run of a model, in this process.

    Arguments:
        data: its events.

    Attributes:
        model: what `init_submission` has made.
        results_dict: results by the number of the set.
    """

    def __init__(self, data: Data | None = None) -> None:
        super().__init__()
        self.data, self.model = data, None
        self.results_dict: dict[int, Any] = {}

    def load_train_set(self, **arguments: Any) -> Any:
        """What a model is given as `get_train_set`."""
        self.data.load_train_set(**arguments)  # type: ignore[union-attr]  # None is an AttributeError, as there
        return self.data.get_train_set()  # type: ignore[union-attr]

    def init_submission(self, Model: Callable[..., Any], model_type: str = "sample_model") -> None:
        """Make the model; its type is of no account."""
        self.model = Model(get_train_set=self.load_train_set, systematics=systematics)

    def fit_submission(self) -> None:
        """Fit the model."""
        self.model.fit()  # type: ignore[attr-defined]

    def predict_submission(self, test_settings: Mapping[str, Any], initial_seed: int = DEFAULT_INGESTION_SEED) -> None:
        """Have the model predict all pseudo-experiments of a `test_settings.json`; the events are forgotten."""
        sets, experiments = test_settings["num_of_sets"], test_settings["num_pseudo_experiments"]
        events = self.data.get_test_set()  # type: ignore[union-attr]
        del self.data
        self.results_dict = {}
        for item in plan(sets, experiments, initial_seed):
            mu = test_settings["ground_truth_mus"][item.set_index]
            test_set = generate_pseudo_exp_data(events, mu, test_settings["systematics"], item.seed)  # type: ignore[arg-type]
            prediction = self.model.predict(test_set)  # type: ignore[attr-defined]
            prediction["test_set_index"] = item.index
            self.results_dict.setdefault(item.set_index, []).append(prediction)

    def compute_result(self) -> None:
        """Turn the predictions of each set into the lists of its result file."""
        for number, predictions in self.results_dict.items():
            predictions.sort(key=lambda prediction: prediction["test_set_index"])
            self.results_dict[number] = {
                name: [prediction[key] for prediction in predictions]
                for name, key in zip(RESULT_LISTS, PREDICTION_KEYS)
            }

    process_results_dict = compute_result

    def save_result(self, output_dir: str | Path) -> None:
        """Write `result_{i}.json`."""
        for number, result in self.results_dict.items():
            write_json(Path(output_dir, f"result_{number}.json"), result)

    def save_duration(self, output_dir: str | Path) -> None:
        """Write `ingestion_duration.json`."""
        duration = self.get_duration() or datetime.timedelta()
        minutes = int(duration.total_seconds() / 60)
        write_json(Path(output_dir, "ingestion_duration.json"), {"ingestion_duration": minutes})
