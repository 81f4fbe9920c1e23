"""Test sets in the process of a submission: from arrays, or from frames where the file is not as the official one."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from .official.systematics import generate_pseudo_exp_data
from .pseudo_experiments import PseudoExperiment, experiment_test_set
from .sources import open_test_events

#: Function of a pseudo-experiment, and the names of the nuisance parameters that are drawn.
TestSets: TypeAlias = Callable[[PseudoExperiment, Sequence[str]], dict[str, Any]]

_FRAMES = "frames.pkl"


def keep_frames(frames: Mapping[str, pd.DataFrame], directory: Path) -> None:
    """Leave the test events of each process beside those that `OfficialFolder.test_events` has left, to be used.

    Unlike the arrays they have all columns of the file, each in its precision; a test set takes longer.
    """
    with open(directory / _FRAMES, "wb") as file:
        pickle.dump(dict(frames), file, protocol=pickle.HIGHEST_PROTOCOL)


def open_test_sets(directory: Path) -> TestSets:
    """What makes the test sets from the events in a folder."""
    if not (directory / _FRAMES).exists():
        events = open_test_events(directory)
        return lambda experiment, switched_on: experiment_test_set(events, experiment, switched_on)
    with open(directory / _FRAMES, "rb") as file:
        frames = pickle.load(file)  # written by this run
    return lambda experiment, switched_on: generate_pseudo_exp_data(
        frames, experiment.mu, dict.fromkeys(switched_on, True), experiment.seed
    )
