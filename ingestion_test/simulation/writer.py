"""Simulated events as a folder in the official format (docs/protocol.md#data-file)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import ChallengeError
from runtime.files import sync, write_json
from runtime.progress import followed

from ..schema import DATA_FILE, FILE_COLUMNS, LUMINOSITY, METADATA_FILE, PROCESSES, SIGNAL, SUM_WEIGHTS
from .sample import Block, number_of_blocks, number_of_rows, simulate
from .worlds import DEFAULT, get

#: Bytes of a row in the file, compressed.
ROW_BYTES = 100

_SCHEMA = pa.schema([(name, pa.string() if name == "detailed_labels" else pa.float32()) for name in FILE_COLUMNS])


def write_folder(
    output: str | Path,
    size: str | int = "default",
    seed: int = 0,
    workers: int = 1,
    progress: bool = True,
    unweighted: bool = False,
    world: str = DEFAULT,
) -> Path:
    """Simulate a sample and write it as a folder with a parquet file, a row group per block, and its metadata.

    Arguments:
        output: folder to make; it may exist if it is empty.
        size, seed, workers, unweighted, world: as in `sample.simulate`.
        progress: whether to show how far it is, on stderr.

    Returns:
        `output` as a Path.

    Raises:
        ChallengeError: a bad size or world, `output` is not empty or cannot be written, the disk is full.
    """
    rows = number_of_rows(size)
    get(world)
    blocks = simulate(rows, seed, workers, unweighted, world)
    if progress:
        blocks = followed(blocks, number_of_blocks(rows), "simulating", "block")
    return write_blocks(output, rows, blocks, world)


def write_blocks(output: str | Path, rows: int, blocks: Iterator[Block], world: str) -> Path:
    """Write blocks of events as such a folder.

    Arguments:
        output: as in `write_folder`.
        rows: of all blocks, about.
        blocks: as from `sample.simulate`; none is asked for where the folder cannot be made.
        world: name of what they are, for the metadata.

    Returns:
        `output` as a Path.

    Raises:
        ChallengeError: `output` is not empty or cannot be written, the disk is full.
    """
    output = Path(output)
    try:
        _check_empty(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        _check_room(output.parent, rows)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as part:
            whole = Path(part) / "folder"
            whole.mkdir()
            with pq.ParquetWriter(whole / DATA_FILE, _SCHEMA.with_metadata({"world": world})) as writer:
                written = sum(_write(writer, block) for block in blocks)
            sync(whole / DATA_FILE)
            write_json(whole / METADATA_FILE, _metadata(written, world))
            whole.replace(output)
            sync(output.parent)
    except OSError as error:
        raise ChallengeError(
            f"cannot write the events to {output}: {error.strerror or error}; "
            "use another --output, or free space on that disk"
        ) from error
    return output


def _check_empty(output: Path) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ChallengeError(f"{output} exists and is not an empty folder: use another --output, or remove it")


def _check_room(folder: Path, rows: int) -> None:
    free = shutil.disk_usage(folder).free
    if rows * ROW_BYTES > free:
        raise ChallengeError(
            f"{rows:,} rows take {rows * ROW_BYTES / 1e9:,.1f} GB, and {folder} has {free / 1e9:,.1f} GB of room: use "
            "a smaller --size, or another --output"
        )


def _write(writer: pq.ParquetWriter, block: Block) -> int:
    """Write a block as one row group; returns its number of rows."""
    names = pa.array(PROCESSES)
    special = {
        "detailed_labels": lambda: pa.DictionaryArray.from_arrays(block["process"], names).cast(pa.string()),
        "labels": lambda: (block["process"] == PROCESSES.index(SIGNAL)).astype(np.float32),
    }
    columns = [special[name]() if name in special else block[name] for name in FILE_COLUMNS]
    writer.write_table(pa.table(columns, schema=writer.schema))
    return len(block["process"])


def _metadata(rows: int, world: str) -> dict[str, Any]:
    return {
        "author": "built-in simulation",
        "world": world,
        "total_rows": rows,
        "total_columns": len(FILE_COLUMNS),
        "columns": list(FILE_COLUMNS),
        "detailed_labels": list(PROCESSES),
        "sum_weights": SUM_WEIGHTS,
        "luminosity": LUMINOSITY,
    }
