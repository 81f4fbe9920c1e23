"""Where events come from: a folder in the official format (docs/protocol.md#data-file).

Everything is streamed batch by batch, row groups side by side in threads, so memory grows with the rows asked for and
never with the file; arrays that are mapped from files do not count, as the system takes their pages back when it must.
"""

import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import logging
import os
import reprlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import ChallengeError
from runtime.files import parsed_json

from .schema import DATA_FILE, METADATA_FILE, PRIMARIES, PROCESSES

#: Share of the file's rows, its first ones, that pseudo-experiments are made of; the rest is for training.
TEST_SHARE = 0.3

#: Seed of the random training rows. The official program takes them from numpy's global state.
TRAIN_ROWS_SEED = 31415

#: Expected events of a pseudo-experiment above which it hardly fits into memory; in the challenge there are a million.
MAX_EVENTS = 100_000_000

#: What is as large as this is no weight, no momentum and no angle.
VALUE_LIMIT = 1e9

_BATCH_ROWS = 1 << 17

#: Row groups that are read at a time; more would cost memory, and decoding is no faster than the disk by then.
ROW_GROUPS_AT_A_TIME = min(8, os.cpu_count() or 1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TestEvents:
    """The events that pseudo-experiments are drawn from, process after process in the order of `schema.PROCESSES`.

    Arguments:
        primaries: float32 array (events, 16), rounded to 3 decimals.
        weights: float32 array (events,), rescaled to the expected number of events.
        counts: number of events of each process.
    """

    __test__ = False  # not a pytest class

    primaries: np.ndarray
    weights: np.ndarray
    counts: tuple[int, ...]

    def process(self, name):
        """(first row, weights) of the process `name`."""
        number = PROCESSES.index(name)
        first = sum(self.counts[:number])
        return first, self.weights[first : first + self.counts[number]]


class OfficialFolder:
    """A folder with the parquet file of the challenge and its metadata.

    Arguments:
        folder: path of the folder.

    Raises:
        ChallengeError: no such folder, no parquet file in it or several, not a parquet file, columns missing, there
            twice or of a wrong type, metadata and file contradict each other.
    """

    def __init__(self, folder):
        self.folder = Path(os.path.realpath(folder))
        self.path = _parquet_file(self.folder)
        metadata = _metadata(self.folder, self.path)
        footer = self._open().metadata
        self._check_columns()
        self.total_rows = footer.num_rows
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
        self.test_rows = int(TEST_SHARE * self.total_rows)

    def __str__(self):
        return f"{self.folder} ({self.total_rows:,} rows)"

    @property
    def train_rows(self):
        """Number of rows that are not test events."""
        return self.total_rows - self.test_rows

    def fingerprint(self):
        """A short text that changes with the file: its size and the checksum of its footer."""
        size = self.path.stat().st_size
        with open(self.path, "rb") as file:
            file.seek(max(0, size - 65536))
            return f"{size}-{hashlib.sha256(file.read()).hexdigest()[:16]}"

    def test_events(self, directory=None):
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
        pieces = self._pieces(0, self.test_rows)
        counts, total = self._count_test_events(pieces)
        of_process = counts.sum(axis=0)
        primaries = _allocate(directory, "primaries", (sum(of_process), len(PRIMARIES)), np.float32)
        weights = _allocate(directory, "weights", (sum(of_process),), np.float32)
        before = np.cumsum(counts, axis=0) - counts + np.cumsum(of_process) - of_process

        def fill(number, batches):
            place = before[number].copy()
            for _, batch in batches:
                processes = self._processes(batch)
                # As the systematics would round them for every pseudo-experiment anew.
                values = np.round(np.column_stack([batch.column(name).to_numpy() for name in PRIMARIES]), 3)
                scaled = self._rescaled(batch.column("weights").to_numpy(), total)
                for process in range(len(PROCESSES)):
                    rows = processes == process
                    out = slice(place[process], place[process] + np.count_nonzero(rows))
                    primaries[out] = values[rows]
                    weights[out] = scaled[rows]
                    place[process] = out.stop

        self._for_each(pieces, [*PRIMARIES, "weights", "detailed_labels"], fill)
        _flush(primaries, weights)
        if directory is not None:
            Path(directory, "counts.json").write_text(json.dumps(of_process.tolist()))
        return TestEvents(primaries, weights, tuple(of_process.tolist()))

    def train_set(self, train_size=None, selected_indices=None):
        """The training rows, as the official `get_train_set` gives them to a model.

        Arguments:
            train_size: None for all; an int for that many random rows (capped); a float in [0, 1] for a share of them.
            selected_indices: rows to take, counted from the first training row: list or integer array. Only without
                `train_size`.

        Returns:
            DataFrame with all columns of the file, in file order, weights rescaled to `sum_weights`.

        Raises:
            ValueError: a `train_size` of another kind, or indices beyond the training rows.
            ChallengeError: as `test_events`, or a broken file.
        """
        rows = self._selected_train_rows(train_size, selected_indices)
        pieces = self._pieces(self.test_rows, self.total_rows)
        if rows is not None:
            pieces = [piece for piece in pieces if len(_within(rows, piece.first, piece.stop))]

        def read(_, batches):
            if rows is None:
                return [batch for _, batch in batches]
            return [batch.take(pa.array(_within(rows, row, row + batch.num_rows) - row)) for row, batch in batches]

        batches = itertools.chain(*self._for_each(pieces, None, read))
        with self._reading("the training rows"):
            frame = pa.Table.from_batches(batches, schema=self._open().schema_arrow).to_pandas()
        if len(frame):
            weights = frame["weights"].to_numpy()
            frame["weights"] = self._rescaled(weights, weights.sum(dtype=np.float64))
        return frame

    def train_events(self, first, stop, most=None, seed=TRAIN_ROWS_SEED, directory=None):
        """The training rows `first` to `stop`, counted from the first one, as arrays, read without a second copy.

        Arguments:
            first, stop: rows.
            most: rows to read at the most, None for all. Where there are more, whole row groups are chosen at random,
                the last one is cut, and the others are not read: as the file's rows are in random order, its row groups
                are alike.
            seed: of that choice.
            directory: an existing folder; the arrays are then mapped from files in it. None: they are held in memory.

        Returns:
            (primaries, weights, process) in file order: float32 array (rows, 16), float64 array (rows,) rescaled so
            that it sums to `sum_weights`, and int64 array (rows,), place in `schema.PROCESSES`.

        Raises:
            ChallengeError: as `test_events`, or a broken file.
        """
        pieces = self._pieces(self.test_rows + first, self.test_rows + stop)
        pieces = pieces if most is None else _chosen(pieces, most, seed)
        ends = np.cumsum([0, *map(len, pieces)])
        primaries = _allocate(directory, "primaries", (ends[-1], len(PRIMARIES)), np.float32)
        process = _allocate(directory, "process", (ends[-1],), np.int64)
        raw = np.empty(ends[-1], self._open().schema_arrow.field("weights").type.to_pandas_dtype())

        def fill(number, batches):
            place = ends[number]
            for _, batch in batches:
                out = slice(place, place + batch.num_rows)
                for column, name in enumerate(PRIMARIES):
                    primaries[out, column] = batch.column(name).to_numpy()
                raw[out] = batch.column("weights").to_numpy()
                process[out] = self._processes(batch)
                place = out.stop

        self._for_each(pieces, [*PRIMARIES, "weights", "detailed_labels"], fill)
        weights, total = _allocate(directory, "weights", raw.shape, np.float64), raw.sum(dtype=np.float64)
        for begin in range(0, len(raw), _BATCH_ROWS):
            out = slice(begin, begin + _BATCH_ROWS)
            weights[out] = self._rescaled(raw[out], total)
        _flush(primaries, weights, process)
        return primaries, weights, process

    def _selected_train_rows(self, train_size, selected_indices):
        """Sorted rows of the file, or None for all training rows."""
        if train_size is None and selected_indices is None:
            return None
        if train_size is None:
            indices = np.asarray(selected_indices)
            if indices.ndim != 1 or (len(indices) and indices.dtype.kind not in "iu"):
                raise ValueError("selected_indices must be a list or an array of integers")
            if len(indices) and (indices.min() < 0 or indices.max() >= self.train_rows):
                raise ValueError(f"selected_indices must lie in 0 ... {self.train_rows - 1}, the training rows")
        else:
            size = _train_size(train_size, self.train_rows)
            random = np.random.default_rng(TRAIN_ROWS_SEED)
            indices = random.choice(self.train_rows, size=size, replace=False, shuffle=False)
        return np.sort(indices.astype(np.int64)) + self.test_rows

    def _rescaled(self, weights, total):
        """Weights that sum to `sum_weights` if `weights` are part of a sample that sums to `total`."""
        if self.sum_weights is None:
            return weights
        if not total > 0:
            raise ChallengeError(f"the weights in {self.path} sum to {total}; they must be positive")
        number = weights.dtype.type if weights.dtype.kind == "f" else np.float64
        return number(self.sum_weights) * weights / number(total)

    def _count_test_events(self, pieces):
        """Events of each piece and process, array (pieces, processes), and the sum of the weights."""

        def count(_, batches):
            counts, totals = np.zeros(len(PROCESSES), np.int64), []
            for _, batch in batches:
                counts += np.bincount(self._processes(batch), minlength=len(PROCESSES))
                totals.append(batch.column("weights").to_numpy().sum(dtype=np.float64))
            return counts, totals

        found = self._for_each(pieces, ["weights", "detailed_labels"], count)
        counts = np.array([counts for counts, _ in found]).reshape(-1, len(PROCESSES))
        absent = [process for process, none in zip(PROCESSES, counts.sum(axis=0) == 0) if none]
        if absent:
            raise ChallengeError(
                f"{self.path}: no {', '.join(absent)} among the first {self.test_rows} rows (30%, the test events); "
                "use a larger sample, with its rows shuffled"
            )
        total = sum(total for _, totals in found for total in totals)
        if self.sum_weights is None and total > MAX_EVENTS:
            raise ChallengeError(
                f"{self.path}: the weights of the test events sum to {total:.3g}, and a pseudo-experiment has as many "
                f"events; {MAX_EVENTS:,} are possible: name another sum as sum_weights in {METADATA_FILE}"
            )
        return counts, total

    def _processes(self, batch):
        """Number of the process of each row, array (rows,)."""
        labels = batch.column("detailed_labels")
        if not pa.types.is_dictionary(labels.type):
            labels = labels.dictionary_encode()
        with self._reading("detailed_labels"):
            names = labels.dictionary.to_pylist()
        places = labels.indices.drop_null().to_numpy()
        used = np.bincount(places, minlength=len(names))  # a Categorical may name more
        unknown = [str(name) for name, rows in zip(names, used) if rows and name not in PROCESSES]
        if unknown or labels.null_count:
            raise ChallengeError(
                f"{self.path}: detailed_labels has {', '.join(unknown) or 'empty entries'}; "
                f"it must be one of {', '.join(PROCESSES)}"
            )
        numbers = np.array([PROCESSES.index(name) if name in PROCESSES else -1 for name in names], dtype=np.int64)
        return numbers[places]

    def _pieces(self, first, stop):
        """What each row group holds of the rows [first, stop) of the file, list of `_Piece`."""
        footer = self._open().metadata
        sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
        starts = (np.cumsum(sizes) - sizes).tolist()
        pieces = [
            _Piece(group, start, max(first, start), min(stop, start + size))
            for group, (start, size) in enumerate(zip(starts, sizes))
        ]
        return [piece for piece in pieces if piece.first < piece.stop]

    def _for_each(self, pieces, columns, work):
        """List of what `work` returns, given the number of each piece and its batches, in the order of `pieces`.

        Row groups are worked on side by side in threads: arrow and numpy leave the interpreter to others.
        """
        metadata = self._open().metadata
        with concurrent.futures.ThreadPoolExecutor(ROW_GROUPS_AT_A_TIME) as pool:
            batches = (self._batches(metadata, piece, columns) for piece in pieces)
            return list(pool.map(work, range(len(pieces)), batches))

    def _batches(self, metadata, piece, columns):
        """(number of its first row, batch), checked, for the rows of `piece`."""
        row = piece.start
        for batch in self._read(metadata, piece.group, columns):
            if row >= piece.stop:
                break
            skip = max(0, piece.first - row)
            part = batch.slice(skip, min(batch.num_rows, piece.stop - row) - skip) if skip < batch.num_rows else None
            if part is not None and part.num_rows:
                self._check_values(part, row + skip)
                yield row + skip, part
            row += batch.num_rows

    def _read(self, metadata, group, columns):
        with self._reading(f"row group {group}"):
            file = pq.ParquetFile(self.path, metadata=metadata)
            batches = file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False)
        while True:
            with self._reading(f"row group {group}"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    @contextlib.contextmanager
    def _reading(self, what):
        """Say plainly that `what` of the file cannot be read."""
        try:
            yield
        except MemoryError:  # arrow's is an ArrowException as well
            raise
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ChallengeError(
                f"{self.path}: {what} cannot be read ({error}); the file is damaged, load it again"
            ) from error

    def _check_values(self, batch, first):
        """Refuse a batch with values that no event can have; `first` is the file's number of its first row."""
        for name in (*PRIMARIES, "weights"):
            if name not in batch.schema.names:
                continue
            column = batch.column(name)
            if column.null_count:
                bad = ~np.asarray(column.is_valid())
            else:
                values = column.to_numpy()
                bad = ~((values > -VALUE_LIMIT) & (values < VALUE_LIMIT))  # nor is NaN
                if name == "weights":
                    bad |= values < 0
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                value = "missing" if column[row].as_py() is None else column[row].as_py()
                raise ChallengeError(
                    f"{self.path}: {name} is {value} in row {first + row}; weights must be finite and not negative, "
                    f"primaries finite (-25 stands for undefined), all below {VALUE_LIMIT:g}; remove or mend such rows"
                )

    def _open(self):
        try:
            file = pq.ParquetFile(self.path)
            _ = file.schema_arrow.names  # which a damaged file may hold, but not as text
            return file
        except MemoryError:
            raise
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ChallengeError(f"{self.path} cannot be read as parquet ({error}); load it again") from error

    def _check_columns(self):
        schema = self._open().schema_arrow
        needed = (*PRIMARIES, "weights", "detailed_labels", "labels")
        twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
        if twice:
            raise ChallengeError(f"{self.path} has more than one column {', '.join(twice)}; leave one of each")
        missing = [name for name in needed if name not in schema.names]
        if missing:
            raise ChallengeError(
                f"{self.path} lacks the columns {', '.join(missing)}; it needs the 16 primaries (PRI_...), weights, "
                "detailed_labels and labels"
            )
        numeric = (*PRIMARIES, "weights", "labels")
        wrong = [f"{name} ({schema.field(name).type})" for name in numeric if not _is_numeric(schema.field(name).type)]
        if not _is_text(schema.field("detailed_labels").type):
            wrong.append(f"detailed_labels ({schema.field('detailed_labels').type})")
        if wrong:
            raise ChallengeError(
                f"{self.path}: wrong type of {', '.join(wrong)}; primaries, weights and labels are numbers (float32), "
                "detailed_labels is text"
            )


def open_test_events(directory):
    """The `TestEvents` that `OfficialFolder.test_events` left in the folder `directory`, mapped into memory."""
    directory = Path(directory)
    primaries, weights = (np.load(directory / f"{name}.npy", mmap_mode="r") for name in ("primaries", "weights"))
    return TestEvents(primaries, weights, tuple(json.loads((directory / "counts.json").read_text())))


@dataclass(frozen=True)
class _Piece:
    """Rows [first, stop) of the file, all in the row group number `group`, whose first row is `start`."""

    group: int
    start: int
    first: int
    stop: int

    def __len__(self):
        return self.stop - self.first


def _chosen(pieces, most, seed):
    """Pieces with `most` rows in all, or all pieces if they have no more: random ones, in their order."""
    chosen = {}
    for place in np.random.default_rng(seed).permutation(len(pieces)).tolist():
        rows = min(len(pieces[place]), most)
        if rows:
            chosen[place] = replace(pieces[place], stop=pieces[place].first + rows)
        most -= rows
    return [chosen[place] for place in sorted(chosen)]


def _within(rows, first, stop):
    """Those of the sorted `rows` that lie in [first, stop)."""
    return rows[np.searchsorted(rows, first) : np.searchsorted(rows, stop)]


def _allocate(directory, name, shape, dtype):
    """An array to be filled: in memory, or mapped from a file in `directory` that has its place on the disk."""
    shape = tuple(map(int, shape))
    if directory is None:
        return np.empty(shape, dtype)
    path = Path(directory, f"{name}.npy")
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk is an error here; at a write to the array it would end the process
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _flush(*arrays):
    """Write those that are mapped to the disk, where other machines may read them."""
    for array in arrays:
        if isinstance(array, np.memmap):
            array.flush()


def _parquet_file(folder):
    if not folder.is_dir():
        raise ChallengeError(f"no such folder: {folder}; --data takes the folder that holds {DATA_FILE}")
    files = sorted(path for path in folder.glob("*.parquet") if path.is_file())
    if folder / DATA_FILE in files:
        return folder / DATA_FILE
    if len(files) != 1:
        what = "no parquet file" if not files else f"{len(files)} parquet files, none of them {DATA_FILE},"
        raise ChallengeError(f"{what} in {folder}; it should hold {DATA_FILE}")
    return files[0]


def _metadata(folder, parquet):
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


def _train_size(train_size, available):
    if isinstance(train_size, (bool, np.bool_)):
        raise ValueError(f"train_size must be an int or a float in [0, 1], not {train_size!r}")
    if isinstance(train_size, (int, np.integer)) and train_size >= 0:
        return min(int(train_size), available)
    if isinstance(train_size, (float, np.floating)) and 0 <= train_size <= 1:
        return int(train_size * available)
    raise ValueError(f"train_size must be an int >= 0 or a float in [0, 1], not {train_size!r}")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_numeric(kind):
    return pa.types.is_integer(kind) or (pa.types.is_floating(kind) and not pa.types.is_float16(kind))


def _is_text(kind):
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
