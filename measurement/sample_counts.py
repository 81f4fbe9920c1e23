"""What the finite sample of test events expects at the parameters of pseudo-experiments, kept as it is counted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingestion_test.pseudo_experiments import PseudoExperiment
from runtime.record import Record
from submission.arrays import FloatArray

#: File in the output folder.
COUNTS_FILE = "sample_counts.jsonl"


def finished_counts(folder: Path) -> list[object]:
    """The pseudo-experiments whose counts are in an output folder, as its lines."""
    file = folder / COUNTS_FILE
    return [*file.read_bytes().splitlines()[1:]] if file.is_file() else []


class SampleCounts:
    """Counts by pseudo-experiment, in a file that the next call goes on from.

    Arguments:
        folder: of the file.
        identity, resume: as for `runtime.record.Record`; raises what that raises.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], resume: bool):
        self._counts: dict[tuple[int, int], FloatArray] = {}
        self._record = Record(folder / COUNTS_FILE, identity, resume, self._keep)

    def __contains__(self, experiment: PseudoExperiment) -> bool:
        """Whether they are counted."""
        return (experiment.set_index, experiment.index) in self._counts

    def __getitem__(self, experiment: PseudoExperiment) -> FloatArray:
        """Array (2, bins), as `finite_sample.fit_sample` takes it."""
        return self._counts[experiment.set_index, experiment.index]

    def add(self, experiment: PseudoExperiment, counts: FloatArray) -> None:
        """Keep the counts of a pseudo-experiment; raises OSError if they cannot be written."""
        line = {"set_index": experiment.set_index, "index": experiment.index, "counts": counts.tolist()}
        self._record.add(line)
        self._keep(line)

    def _keep(self, line: Mapping[str, Any]) -> None:
        counts = np.array(line["counts"], dtype=float)
        if counts.ndim != 2 or len(counts) != 2 or not np.isfinite(counts).all():
            raise ValueError("counts are no two rows of numbers")
        self._counts[line["set_index"], line["index"]] = counts
