"""Columns of an event file, plain whatever wrote it: what a writer notes of its own types and indices is left aside.

pandas, polars, duckdb, fastparquet and Spark write the same events with other types (dictionaries, views of text,
decimals, nullable numbers) and with an index or without. All of them are read as the official file is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from runtime.errors import ChallengeError

from .schema import PRIMARIES

#: What is as large as this is no weight, no momentum and no angle.
VALUE_LIMIT = 1e9

#: Columns that `event_file.Events` are made of.
EVENT_COLUMNS = (*PRIMARIES, "weights", "detailed_labels")

#: Columns that a file must have; the others are handed on to models.
NEEDED = (*EVENT_COLUMNS, "labels")

#: How pandas calls the columns of an index that has no name.
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


def plain_schema(path: Path, schema: Any) -> Any:
    """The columns of a file in the types that they are read as, without its writer's notes.

    The columns of a pandas index are left out, as the official program does, but for those that are needed.

    Arguments:
        path: of the file, for messages.
        schema: arrow's schema of the file.

    Raises:
        ChallengeError: columns are missing, there twice or of a wrong type.
    """
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise ChallengeError(f"{path} has more than one column {', '.join(twice)}; leave one of each")
    missing = [name for name in NEEDED if name not in schema.names]
    if missing:
        raise ChallengeError(
            f"{path} lacks the columns {', '.join(missing)}; it needs the 16 primaries (PRI_...), weights, "
            "detailed_labels and labels"
        )
    index = _index_columns(schema.metadata) - set(NEEDED)
    kept = [field for field in schema if field.name not in index and not _NAMELESS_INDEX.fullmatch(field.name)]
    plain = pa.schema([(field.name, _plain_type(field.name, field.type)) for field in kept])
    wrong = [
        f"{name} ({schema.field(name).type})"
        for name in NEEDED
        if not (pa.types.is_string if name == "detailed_labels" else _is_number)(plain.field(name).type)
    ]
    if wrong:
        raise ChallengeError(
            f"{path}: wrong type of {', '.join(wrong)}; primaries, weights and labels are numbers (float32), "
            "detailed_labels is text"
        )
    return plain


def plain(batch: Any, schema: Any) -> Any:
    """A batch of the file as `plain_schema` has its columns; raises arrow's errors for values that a type cannot hold.

    Arguments:
        batch: arrow's, of some of the file's columns.
        schema: as from `plain_schema`.
    """
    names = [name for name in batch.schema.names if name in schema.names]
    columns = [_cast(batch.column(name), schema.field(name).type) for name in names]
    return pa.record_batch(columns, schema=pa.schema([schema.field(name) for name in names]))


def check_values(path: Path, batch: Any, first: int) -> None:
    """Refuse a batch with values that no event can have.

    Arguments:
        path: of the file, for messages.
        batch: arrow's, plain.
        first: the file's number of its first row.

    Raises:
        ChallengeError: names column, value and row.
    """
    for name in (*PRIMARIES, "weights", "labels"):
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
            elif name == "labels":
                bad |= (values != 0) & (values != 1)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            value = "missing" if column[row].as_py() is None else column[row].as_py()
            raise ChallengeError(
                f"{path}: {name} is {value} in row {first + row}; weights must be finite and not negative, "
                f"primaries finite (-25 stands for undefined), all below {VALUE_LIMIT:g}, labels 1 (signal) or 0; "
                "remove or mend such rows"
            )


def frame(path: Path, table: Any) -> pd.DataFrame:
    """A plain table as pandas has it, its rows numbered from 0.

    Raises:
        ChallengeError: pandas has nothing for the values of a column that a model does not need.
    """
    try:
        whole: pd.DataFrame = table.to_pandas(ignore_metadata=True)
        return whole
    except MemoryError:
        raise
    except Exception as error:  # of many kinds, such as a KeyError for a time zone
        for name in table.schema.names:
            try:
                table.select([name]).to_pandas(ignore_metadata=True)
            except Exception as reason:
                raise ChallengeError(
                    f"{path}: column {name} ({table.schema.field(name).type}) cannot be given to a model "
                    f"({type(reason).__name__}: {reason}); remove it from the file"
                ) from reason
        raise ChallengeError(f"{path}: the rows cannot be given to a model ({error}); write the file again") from error


def _index_columns(metadata: Any) -> set[str]:
    """Names of the columns that pandas took from an index; those of a `RangeIndex` are in no column."""
    try:
        columns = json.loads((metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        return {name for name in columns if isinstance(name, str)}
    except (ValueError, KeyError, TypeError, RecursionError):
        return set()


def _plain_type(name: str, kind: Any) -> Any:
    """The type that a column of the type `kind` is read as."""
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    if is_text or (is_bytes and name == "detailed_labels"):
        return pa.string()
    if (pa.types.is_decimal(kind) and name in NEEDED) or (pa.types.is_boolean(kind) and name == "labels"):
        return pa.float32()  # as in the official file
    return kind


def _cast(column: Any, kind: Any) -> Any:
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if column.type == kind:
        return column
    if pa.types.is_boolean(column.type):  # which arrow casts to integers alone
        column = column.cast(pa.uint8())
    if pa.types.is_decimal(column.type):  # which arrow does not round to single precision as it should
        column = column.cast(pa.float64())
    return column.cast(kind)


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or (pa.types.is_floating(kind) and not pa.types.is_float16(kind)))
