"""The parquet file in a data folder, and what a user reads of a folder that has no such file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from runtime.errors import ChallengeError

from .schema import DATA_FILE, METADATA_FILE

#: Makes JOINED/part-0.parquet of the part files in a folder, in their order and with little memory; `JOIN_FILES` of
#: those right in it, beside other files.
JOIN = (
    "import pyarrow.dataset as d; "
    "d.write_dataset(d.dataset('{parts}', partitioning='hive'), 'JOINED', format='parquet', preserve_order=True)"
)
JOIN_FILES = (
    "import glob, pyarrow.dataset as d; parts = sorted(glob.glob('{parts}/*.parquet')); "
    "d.write_dataset(d.dataset(parts), 'JOINED', format='parquet', preserve_order=True)"
)


def parquet_file(folder: Path) -> Path:
    """The official file in a data folder, or the only parquet file there.

    Raises:
        ChallengeError: no such folder, or no file in it that is the one to take.
    """
    if folder.is_file():
        raise ChallengeError(f"{folder} is a file; --data takes the folder that holds it")
    if not folder.is_dir():
        raise ChallengeError(f"no such folder: {folder}; --data takes the folder that holds {DATA_FILE}")
    try:
        files = sorted(path for path in folder.glob("*.parquet") if path.is_file())
        if folder / DATA_FILE in files:
            return folder / DATA_FILE
        if len(files) == 1 and not (folder / DATA_FILE).is_dir():
            return files[0]
        raise ChallengeError(_reason(folder, files))
    except OSError as error:
        raise ChallengeError(f"{error.filename} cannot be read ({error.strerror}); make it readable") from error


def _reason(folder: Path, files: Sequence[Path]) -> str:
    """Why a data folder will not do; `files` are the parquet files right in it."""
    place = folder / DATA_FILE
    if place.is_symlink() and not place.exists():
        return f"{place} is a link to {os.readlink(place)}, which is not there; mend it"
    if place.is_dir():
        return _of_parts(place, len(list(place.rglob("*.parquet"))))
    if files:
        return (
            f"{len(files)} parquet files, none of them {DATA_FILE}, in {folder}; it should hold one. If they are parts "
            f"of one, {_joining(JOIN_FILES, folder)}"
        )
    below = [path for pattern in ("*/*.parquet", "*/*/*.parquet") for path in sorted(folder.glob(pattern))]
    whole = [path for path in below if path.name == DATA_FILE]
    if whole:
        return f"no parquet file in {folder}; {DATA_FILE} lies in {whole[0].parent}: give that folder"
    if below:
        return _of_parts(folder, len(below))
    others = [path.name for path in sorted(folder.iterdir()) if path.name.startswith(Path(DATA_FILE).stem)]
    packed = [name for name in others if name != METADATA_FILE]
    hint = f"; unpack or rename {packed[0]}" if packed else ""
    return f"no parquet file in {folder}; it should hold {DATA_FILE}{hint}"


def _of_parts(folder: Path, number: int) -> str:
    return f"{folder} is a folder of {number} part files, not a file; {_joining(JOIN, folder)}"


def _joining(program: str, folder: Path) -> str:
    return (
        f'join them with python -c "{program.format(parts=folder)}", put {METADATA_FILE} into JOINED, and give '
        "--data JOINED"
    )
