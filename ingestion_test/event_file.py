"""The parquet file of events: its row groups, read and checked (docs/protocol.md#data-file).

Everything is streamed batch by batch, row groups side by side in threads, so memory grows with the rows asked for and
never with the file; arrays that are mapped from files do not count, as the system takes their pages back when it must.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import ChallengeError, shortage
from runtime.machine import cores

from .arrays import FloatArray, IntArray, SingleArray, allocated
from .columns import EVENT_COLUMNS, check_values, plain, plain_schema
from .schema import PRIMARIES, PROCESSES

#: Row groups that are read at a time; more would cost memory, and decoding is no faster than the disk by then.
ROW_GROUPS_AT_A_TIME = min(8, cores())

BATCH_ROWS = 1 << 17

#: Bytes that are read ahead of each column; with none a row group would be read as a whole, however large.
READ_AHEAD = 1 << 20

Result = TypeVar("Result")


class Events(NamedTuple):
    """Events in file order.

    Arguments:
        primaries: float32 array (events, 16), in the order of `schema.PRIMARIES`.
        weights: array (events,), of the file's precision where they are the file's, else float64.
        process: int64 array (events,), place in `schema.PROCESSES`.
    """

    primaries: SingleArray
    weights: FloatArray
    process: IntArray


@dataclass(frozen=True)
class RowRange:
    """Rows [first, stop) of the file, all in the row group number `group`, whose first row is `start`."""

    group: int
    start: int
    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


class EventFile:
    """A parquet file in the official format.

    Arguments:
        path: of the file.

    Raises:
        ChallengeError: not a parquet file, or columns are missing, there twice or of a wrong type.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = self._open()
        self.total_rows: int = file.metadata.num_rows
        #: The columns as they are read, arrow's schema.
        self.schema: Any = plain_schema(path, file.schema_arrow)

    def ranges(self, first: int, stop: int) -> list[RowRange]:
        """What each row group holds of the rows [first, stop) of the file."""
        footer = self._open().metadata
        sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
        starts = (np.cumsum(sizes) - sizes).tolist()
        ranges = [
            RowRange(group, start, max(first, start), min(stop, start + size))
            for group, (start, size) in enumerate(zip(starts, sizes))
        ]
        return [rows for rows in ranges if rows.first < rows.stop]

    def events(self, ranges: Sequence[RowRange], directory: Path | None = None) -> Events:
        """The events of `ranges`, one range after the other, weights as they are in the file.

        Arguments:
            ranges: as from `ranges`.
            directory: an existing folder; primaries and processes are then mapped from files in it. None: they are
                held in memory, as weights are in both cases.

        Raises:
            ChallengeError: the file is damaged, a value is not finite or too large, a weight is negative, or a process
                is not known.
        """
        ends = np.cumsum([0, *map(len, ranges)]).tolist()
        primaries = allocated(directory, "primaries", (ends[-1], len(PRIMARIES)), np.float32)
        process = allocated(directory, "process", (ends[-1],), np.int64)
        weights = np.empty(ends[-1], self.schema.field("weights").type.to_pandas_dtype())

        def fill(number: int, batches: Iterator[tuple[int, Any]]) -> None:
            place = ends[number]
            for _, batch in batches:
                rows = slice(place, place + batch.num_rows)
                for column, name in enumerate(PRIMARIES):
                    primaries[rows, column] = batch.column(name).to_numpy()
                weights[rows] = batch.column("weights").to_numpy()
                process[rows] = self.processes(batch)
                place = rows.stop

        self.for_each(ranges, EVENT_COLUMNS, fill)
        return Events(primaries, weights, process)

    def for_each(
        self,
        ranges: Sequence[RowRange],
        columns: Sequence[str] | None,
        work: Callable[[int, Iterator[tuple[int, Any]]], Result],
    ) -> list[Result]:
        """What `work` returns of each range, in their order.

        Row groups are worked on side by side in threads: arrow and numpy leave the interpreter to others.

        Arguments:
            ranges: as from `ranges`.
            columns: names of the columns to read, None for all.
            work: function of the number of the range and an iterator over (number of a batch's first row, the batch);
                the batches are arrow's, and checked.

        Raises:
            ChallengeError: the file is damaged, a value is not finite or too large, or a weight is negative.
        """
        metadata = self._open().metadata
        with concurrent.futures.ThreadPoolExecutor(ROW_GROUPS_AT_A_TIME) as pool:
            batches = (self._batches(metadata, rows, columns) for rows in ranges)
            return list(pool.map(work, range(len(ranges)), batches))

    def processes(self, batch: Any) -> IntArray:
        """Place in `schema.PROCESSES` of the process of each row of a batch, int64 array (rows,).

        Raises:
            ChallengeError: a process is not known.
        """
        labels = batch.column("detailed_labels").dictionary_encode()
        with self.reading("detailed_labels"):
            names = labels.dictionary.to_pylist()
        places = labels.indices.drop_null().to_numpy()
        unknown = [name for name in names if name not in PROCESSES]
        if unknown or labels.null_count:
            raise ChallengeError(
                f"{self.path}: detailed_labels has {', '.join(unknown) or 'empty entries'}; "
                f"it must be one of {', '.join(PROCESSES)}"
            )
        numbers = np.array([PROCESSES.index(name) if name in PROCESSES else -1 for name in names], dtype=np.int64)
        processes: IntArray = numbers[places]
        return processes

    @contextlib.contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Say plainly that `what` of the file cannot be read: a `ChallengeError` for arrow's and the system's."""
        try:
            yield
        except MemoryError:  # arrow's is an ArrowException as well
            raise
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ChallengeError(f"{self.path}: {what} cannot be read ({error}); {_remedy(error)}") from error

    def _batches(self, metadata: Any, rows: RowRange, columns: Sequence[str] | None) -> Iterator[tuple[int, Any]]:
        """(number of its first row, batch), checked, for `rows`."""
        row = rows.start
        for batch in self._row_group(metadata, rows.group, columns):
            if row >= rows.stop:
                break
            skip = max(0, rows.first - row)
            length = min(batch.num_rows, rows.stop - row) - skip
            if length > 0:
                wanted = batch.slice(skip, length)
                check_values(self.path, wanted, row + skip)
                yield row + skip, wanted
            row += batch.num_rows

    def _row_group(self, metadata: Any, group: int, columns: Sequence[str] | None) -> Iterator[Any]:
        with self.reading(f"row group {group}"):
            file = pq.ParquetFile(self.path, metadata=metadata, pre_buffer=False, buffer_size=READ_AHEAD)
            batches = file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False)
        while True:
            with self.reading(f"row group {group}"):
                batch = next(batches, None)
                if batch is not None:
                    batch = plain(batch, self.schema)
            if batch is None:
                return
            yield batch

    def _open(self) -> Any:
        with self.reading("the footer"):
            file = pq.ParquetFile(self.path)
            _ = file.schema_arrow.names  # which a damaged file may hold, but not as text
            return file


def random_ranges(ranges: Sequence[RowRange], most: int, seed: int) -> list[RowRange]:
    """Ranges with `most` rows in all, or all ranges if they have no more: random ones, in their order."""
    chosen = {}
    for place in np.random.default_rng(seed).permutation(len(ranges)).tolist():
        size = min(len(ranges[place]), most)
        if size:
            chosen[place] = replace(ranges[place], stop=ranges[place].first + size)
        most -= size
    return [chosen[place] for place in sorted(chosen)]


def _remedy(error: Exception) -> str:
    """What is to be done about an error of arrow or the system in reading a file."""
    if isinstance(error, pa.ArrowNotImplementedError):
        return "write the file again, with the types and the compression that pandas takes by default"
    if getattr(error, "errno", None) is None:  # not the system's
        return "the file is damaged, load it again"
    if isinstance(error, PermissionError):
        return "make it readable"
    return shortage(error) or "the system refuses it: see that file and disk are there"
