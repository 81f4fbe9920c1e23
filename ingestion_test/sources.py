"""Where events come from: a folder in the official format (docs/protocol.md#data-file), and three views of it."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from runtime.errors import ChallengeError
from runtime.files import parsed_json

from .arrays import FloatArray, IntArray, SingleArray, allocated, flush
from .columns import EVENT_COLUMNS, frame
from .data_folder import parquet_file
from .event_file import BATCH_ROWS, EventFile, Events, RowRange, random_ranges
from .schema import FEATURES, METADATA_FILE, MIN_LEP_PT, PRIMARIES, PROCESSES

#: Column of `PRIMARIES` of the lepton's pT.
LEP_PT = PRIMARIES.index("PRI_lep_pt")

#: Share of the file's rows, its first ones, that pseudo-experiments are made of; the rest is for training.
TEST_SHARE = 0.3

#: Seed of the row groups that `train_events` chooses.
TRAIN_ROWS_SEED = 31415

#: Expected events of a pseudo-experiment above which it hardly fits into memory; in the challenge there are a million.
MAX_EVENTS = 100_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TestEvents:
    """The events that pseudo-experiments are drawn from, process after process in the order of `schema.PROCESSES`.

    Arguments:
        primaries: float32 array (events, 16), rounded to 3 decimals.
        weights: float32 array (events,), rescaled to the expected number of events.
        counts: number of events of each process.
        exact: whether the arrays hold all that the official program reads of the file: single precision, no more than
            3 decimals, the official columns in their order, no lepton below the threshold.
    """

    __test__ = False  # not a pytest class

    primaries: SingleArray
    weights: SingleArray
    counts: tuple[int, ...]
    exact: bool = True

    def process(self, name: str) -> tuple[int, SingleArray]:
        """(first row, weights) of the process `name`."""
        number = PROCESSES.index(name)
        first = sum(self.counts[:number])
        return first, self.weights[first : first + self.counts[number]]


class OfficialFolder:
    """A folder with the parquet file of the challenge and its metadata.

    Arguments:
        folder: path of the folder.
        test_share: share of the rows that are test events, the first ones; 0 for a sample that is for training alone.

    Raises:
        ChallengeError: no such folder, no parquet file in it or several, not a parquet file, columns missing, there
            twice or of a wrong type, metadata and file contradict each other.
    """

    def __init__(self, folder: str | os.PathLike[str], test_share: float = TEST_SHARE) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.path = parquet_file(self.folder)
        metadata = _metadata(self.folder, self.path)
        self.file = EventFile(self.path)
        self.total_rows = self.file.total_rows
        if metadata.get("total_rows", self.total_rows) != self.total_rows:
            raise ChallengeError(
                f"{self.path} has {self.total_rows} rows, its metadata say {reprlib.repr(metadata['total_rows'])}: "
                "the file is not the one that they describe; load it again, or remove the metadata file"
            )
        self.sum_weights = metadata.get("sum_weights")
        if self.sum_weights is not None and not (_is_number(self.sum_weights) and 0 < self.sum_weights <= MAX_EVENTS):
            raise ChallengeError(
                f"sum_weights in the metadata of {self.path} is {reprlib.repr(self.sum_weights)}; it must be a "
                f"positive number of events, {MAX_EVENTS:,} at the most"
            )
        self.test_rows = int(test_share * self.total_rows)

    def __str__(self) -> str:
        return f"{self.folder} ({self.total_rows:,} rows)"

    @property
    def train_rows(self) -> int:
        """Number of rows that are not test events."""
        return self.total_rows - self.test_rows

    def fingerprint(self) -> str:
        """A short text that changes with the file: its size and the checksum of its footer."""
        size = self.path.stat().st_size
        with open(self.path, "rb") as file:
            file.seek(max(0, size - 65536))
            return f"{size}-{hashlib.sha256(file.read()).hexdigest()[:16]}"

    def test_events(self, directory: Path | None = None) -> TestEvents:
        """The events of the first 30% of the rows.

        Arguments:
            directory: an existing folder; the arrays are then mapped from files in it that several processes can
                share (`open_test_events`). None: they are held in memory.

        Returns:
            `TestEvents`.

        Raises:
            ChallengeError: a process has no event, a primary is not finite, a weight is negative, there are too many
                expected events, or a process is not known.
        """
        ranges = self.file.ranges(0, self.test_rows)
        counts, total = self._count_test_events(ranges)
        of_process = counts.sum(axis=0)
        primaries = allocated(directory, "primaries", (int(of_process.sum()), len(PRIMARIES)), np.float32)
        weights = allocated(directory, "weights", (int(of_process.sum()),), np.float32)
        before = np.cumsum(counts, axis=0) - counts + np.cumsum(of_process) - of_process
        exact = [self._has_official_columns()]

        def fill(number: int, batches: Iterator[tuple[int, Any]]) -> None:
            place = before[number].copy()
            for _, batch in batches:
                processes = self.file.processes(batch)
                # As the systematics would round them for every pseudo-experiment anew.
                given = np.column_stack([batch.column(name).to_numpy() for name in PRIMARIES])
                values = np.round(given, 3)
                exact.append(np.array_equal(values, given) and values[:, LEP_PT].min() >= MIN_LEP_PT)
                scaled = self._rescaled(batch.column("weights").to_numpy(), total)
                for process in range(len(PROCESSES)):
                    rows = processes == process
                    out = slice(place[process], place[process] + np.count_nonzero(rows))
                    primaries[out] = values[rows]
                    weights[out] = scaled[rows]
                    place[process] = out.stop

        self.file.for_each(ranges, EVENT_COLUMNS, fill)
        flush(primaries, weights)
        if directory is not None:
            Path(directory, "counts.json").write_text(json.dumps(of_process.tolist()))
        return TestEvents(primaries, weights, tuple(of_process.tolist()), all(exact))

    def _has_official_columns(self) -> bool:
        """Whether a DataFrame of the file has the official columns in their order, and numbers of single precision."""
        kinds = self._frame([]).dtypes
        numbers = kinds.drop(["labels", "detailed_labels"])
        names = tuple(numbers.index.drop("weights"))
        return names in (PRIMARIES, FEATURES) and bool((numbers == np.float32).all())

    def train_set(self, *, train_size: Any = None, selected_indices: Any = None) -> pd.DataFrame:
        """The training rows, as the official `get_train_set` gives them to a model (docs/protocol.md#train-set).

        A call without `selected_indices` draws from numpy's global stream, and advances it.

        Arguments:
            train_size: None for all; an int for that many random rows (capped); a float in [0, 1] for a share of them.
            selected_indices: rows to take, counted from the first training row, a list or an array; they win over
                `train_size`. Those beyond the training rows are test rows, and those beyond the file are left out.

        Returns:
            DataFrame with all columns of the file, in file order, weights rescaled to `sum_weights`.

        Raises:
            ValueError: an argument of another kind, or more `selected_indices` than training rows.
            ChallengeError: as `test_events`, or a broken file.
        """
        rows = self._selected_train_rows(train_size, selected_indices)
        return self._frame(self.file.ranges(self.test_rows if rows is None else 0, self.total_rows), rows)

    def test_set(self) -> dict[str, pd.DataFrame]:
        """The test events of each process, as the official program hands them on: all columns but the two labels."""
        events = self._frame(self.file.ranges(0, self.test_rows))
        columns = events.columns.drop(["labels", "detailed_labels"])
        return {process: events.loc[events["detailed_labels"] == process, columns] for process in PROCESSES}

    def _frame(self, ranges: list[RowRange], rows: IntArray | None = None) -> pd.DataFrame:
        """The sorted `rows` of the file, or all of `ranges`, with weights that sum to `sum_weights`."""
        if rows is not None:
            ranges = [some for some in ranges if len(_within(rows, some.first, some.stop))]

        def read(_: int, batches: Iterator[tuple[int, Any]]) -> list[Any]:
            if rows is None:
                return [batch for _, batch in batches]
            return [batch.take(pa.array(_within(rows, row, row + batch.num_rows) - row)) for row, batch in batches]

        batches = itertools.chain(*self.file.for_each(ranges, None, read))
        events = frame(self.path, pa.Table.from_batches(batches, schema=self.file.schema))
        if len(events):
            weights = events["weights"].to_numpy()
            events["weights"] = self._rescaled(weights, weights.sum(dtype=np.float64))
        return events

    def train_events(
        self,
        first: int,
        stop: int,
        most: int | None = None,
        seed: int = TRAIN_ROWS_SEED,
        directory: Path | None = None,
    ) -> Events:
        """The training rows `first` to `stop`, counted from the first one, as arrays, read without a second copy.

        Arguments:
            first, stop: rows.
            most: rows to read at the most, None for all. Where there are more, whole row groups are chosen at random,
                the last one is cut, and the others are not read: as the file's rows are in random order, its row groups
                are alike.
            seed: of that choice.
            directory: an existing folder; the arrays are then mapped from files in it. None: they are held in memory.

        Returns:
            `Events`, weights rescaled so that they sum to `sum_weights`, as float64.

        Raises:
            ChallengeError: as `test_events`, or a broken file.
        """
        ranges = self.file.ranges(self.test_rows + first, self.test_rows + stop)
        ranges = ranges if most is None else random_ranges(ranges, most, seed)
        primaries, raw, process = self.file.events(ranges, directory)
        weights, total = allocated(directory, "weights", raw.shape, np.float64), raw.sum(dtype=np.float64)
        for begin in range(0, len(raw), BATCH_ROWS):
            rows = slice(begin, begin + BATCH_ROWS)
            weights[rows] = self._rescaled(raw[rows], total)
        flush(primaries, weights, process)
        return Events(primaries, weights, process)

    def _selected_train_rows(self, train_size: Any, selected_indices: Any) -> IntArray | None:
        """Sorted rows of the file, or None for all training rows."""
        size = self.train_rows if train_size is None else _train_size(train_size, self.train_rows)
        if selected_indices is None:
            if size < 0:
                raise ValueError(f"train_size must not be negative, as {size} is")
            drawn = np.random.choice(self.train_rows, size=size, replace=False)
            return None if size == self.train_rows else np.sort(drawn).astype(np.int64) + self.test_rows
        if train_size is None:
            if not isinstance(selected_indices, (list, np.ndarray)):
                raise ValueError(f"selected_indices must be a list or an array, not {type(selected_indices).__name__}")
            if len(selected_indices) > self.train_rows:
                raise ValueError(f"{len(selected_indices)} selected_indices, but only {self.train_rows} training rows")
        rows = np.sort(np.asarray(np.sort(selected_indices)), axis=None)  # the inner one refuses single numbers
        if rows.dtype == np.uint64:  # those beyond the file, which may be beyond int64, stay there
            rows = np.minimum(rows, np.uint64(self.total_rows))
        # The image's numpy takes a larger type where the sum needs one.
        rows = (rows.astype(np.int64) if rows.dtype.kind in "iu" else rows) + self.test_rows
        # Fractions are cut off, as pandas cuts them off.
        return rows[(rows >= 0) & (rows < self.total_rows)].astype(np.int64)

    def _rescaled(self, weights: FloatArray, total: float) -> FloatArray:
        """Weights that sum to `sum_weights` if `weights` are part of a sample that sums to `total`."""
        if self.sum_weights is None:
            return weights
        if not total > 0:
            raise ChallengeError(f"the weights in {self.path} sum to {total}; they must be positive")
        number = weights.dtype.type if weights.dtype.kind == "f" else np.float64
        return number(self.sum_weights) * weights / number(total)

    def _count_test_events(self, ranges: Sequence[RowRange]) -> tuple[IntArray, float]:
        """Events of each range and process, array (ranges, processes), and the sum of the weights."""

        def count(_: int, batches: Iterator[tuple[int, Any]]) -> tuple[IntArray, list[float]]:
            counts, totals = np.zeros(len(PROCESSES), np.int64), []
            for _, batch in batches:
                counts += np.bincount(self.file.processes(batch), minlength=len(PROCESSES))
                totals.append(batch.column("weights").to_numpy().sum(dtype=np.float64))
            return counts, totals

        tallies = self.file.for_each(ranges, ["weights", "detailed_labels"], count)
        counts = np.array([counts for counts, _ in tallies]).reshape(-1, len(PROCESSES))
        absent = [process for process, none in zip(PROCESSES, counts.sum(axis=0) == 0) if none]
        if absent:
            raise ChallengeError(
                f"{self.path}: no {', '.join(absent)} among the first {self.test_rows} rows (30%, the test events); "
                "use a larger sample, with its rows shuffled"
            )
        total = sum(total for _, totals in tallies for total in totals)
        if self.sum_weights is None and total > MAX_EVENTS:
            raise ChallengeError(
                f"{self.path}: the weights of the test events sum to {total:.3g}, and a pseudo-experiment has as many "
                f"events; {MAX_EVENTS:,} are possible: name another sum as sum_weights in {METADATA_FILE}"
            )
        return counts, total


def open_test_events(directory: str | os.PathLike[str]) -> TestEvents:
    """The `TestEvents` that `OfficialFolder.test_events` left in the folder `directory`, mapped into memory."""
    directory = Path(directory)
    primaries, weights = (np.load(directory / f"{name}.npy", mmap_mode="r") for name in ("primaries", "weights"))
    return TestEvents(primaries, weights, tuple(json.loads((directory / "counts.json").read_text())))


def _within(rows: IntArray, first: int, stop: int) -> IntArray:
    """Those of the sorted `rows` that lie in [first, stop)."""
    return rows[np.searchsorted(rows, first) : np.searchsorted(rows, stop)]


def _metadata(folder: Path, parquet: Path) -> dict[str, Any]:
    """Content of the metadata file; empty, with a warning, where it is missing or broken."""
    for path in (folder / METADATA_FILE, parquet.with_name(f"{parquet.stem}_metadata.json")):
        if path.is_file():
            break
    try:
        content = parsed_json(path)
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        return content
    except (OSError, ValueError) as error:
        _log.warning("metadata %s: %s; rows are counted in the file and weights are not rescaled", path, error)
        return {}


def _train_size(train_size: Any, available: int) -> int:
    """Number of rows; numpy's integers and single-precision numbers are none to the official program."""
    if isinstance(train_size, int):
        return min(train_size, available)
    if isinstance(train_size, float) and 0 <= train_size <= 1:
        return int(train_size * available)
    raise ValueError(
        f"train_size must be an int or a float in [0, 1], not {train_size!r} ({type(train_size).__name__})"
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
