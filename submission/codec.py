"""One way from typed objects to a file and back.

A file holds a dataclass of plain values, arrays and other such dataclasses. It is a zip: every array is a member named
after its place, such as `belt/lower.npy` (`numpy.load` opens them), all else is `description.json`. Reading follows the
annotations of the dataclass, so that what comes out has the types that it says; nothing in a file is executed.

Where a class is annotated, an object of a subclass may be held: the file names it, and it is found among the subclasses
that the program has imported. A class that is no dataclass says with `state()` and `from_state(state)` which dataclass
stands for it in a file.
"""

import dataclasses
import io
import json
import math
import types
import typing
import zipfile
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar, Union

import numpy as np

#: Changes when files of an earlier version can no longer be read.
VERSION = 3

DESCRIPTION = "description.json"

T = TypeVar("T")


class FormatError(ValueError):
    """A content is damaged, of another version, or of something else than is asked for."""


class OriginError(FormatError):
    """A content is whole, and made from something else than is asked for."""


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Numbers that a field may have, in an annotation such as `Annotated[int, Bounds(1)]`.

    Arguments:
        least, most: the smallest and the largest one; None for no end, but infinity.
        strict: whether the ends themselves are excluded.

    Example:
        >>> print(Bounds(0, 1, strict=True), "|", Bounds(1))
        more than 0 and less than 1 | at least 1
    """

    least: float | None = None
    most: float | None = None
    strict: bool = False

    def __contains__(self, number: float) -> bool:
        if isinstance(number, float) and not math.isfinite(number):
            return False
        above = self.least is None or (number > self.least if self.strict else number >= self.least)
        return above and (self.most is None or (number < self.most if self.strict else number <= self.most))

    def __str__(self) -> str:
        words = ("more than", "less than") if self.strict else ("at least", "at most")
        ends = [f"{word} {end}" for word, end in zip(words, (self.least, self.most)) if end is not None]
        return " and ".join(ends) or "finite size"


def encode(value: object, about: object = None) -> bytes:
    """The content of a file from which `decode` makes an equal object.

    Arguments:
        value: a dataclass, or an object with `state()`.
        about: what it was made from: anything that JSON holds.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    description = {"version": VERSION, "about": about, "content": _described(value, "", arrays)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(_member(DESCRIPTION), json.dumps(description, indent=1) + "\n")
        for place, array in arrays.items():
            with archive.open(_member(f"{place}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return buffer.getvalue()


def decode(kind: type[T], content: bytes, about: object = None) -> T:
    """The object of the class `kind`, or of a subclass, that `encode` was given.

    Arguments:
        about: what it must have been made from; None for anything.

    Raises:
        OriginError: it was made from something else.
        FormatError: the content is damaged, of another version, or of another class.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if DESCRIPTION not in archive.namelist():
                raise FormatError(f"it has no {DESCRIPTION}: it is of an earlier version, or of another program")
            description = json.loads(archive.read(DESCRIPTION))
            if description["version"] != VERSION:
                raise FormatError(f"it is of version {description['version']}, this code reads version {VERSION}")
            if about is not None and description["about"] != json.loads(json.dumps(about)):
                raise OriginError(f"it is about {description['about']}, not {about}")
            tree = _filled(description["content"], "", archive)
        return typing.cast(T, restored(kind, tree))
    except FormatError:
        raise
    except Exception as error:  # of the many kinds that the readers of damaged files have
        raise FormatError(f"it is damaged: {error!r}") from error


def restored(kind: Any, value: Any, place: str = "") -> Any:
    """What an annotation makes of plain values (None, numbers, texts, lists, dicts) and arrays.

    Arguments:
        kind: the annotation.
        value: for a dataclass a dict of its fields, of which those with a default may be missing.
        place: where the value stands, for errors.

    Raises:
        FormatError: a value is not what the annotation says; the message names the field and what it may be.

    Example:
        >>> restored(tuple[int, ...], [1, 2])
        (1, 2)
        >>> restored(Annotated[int, Bounds(1)], 0, "epochs")
        Traceback (most recent call last):
        submission.codec.FormatError: epochs: a whole number of at least 1 is needed, not 0
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    origin = typing.get_origin(getattr(origin, "__value__", None)) or origin  # NDArray is a named alias in numpy 2.5
    if kind is Any:
        return value
    if origin is Annotated:
        result = restored(arguments[0], value, place)
        if any(result not in bounds for bounds in arguments[1:]):
            raise _unfit(place, f"{_NUMBERS[arguments[0]]} of {arguments[1]}", value)
        return result
    if origin in (Union, types.UnionType):
        return _restored_optional(arguments, value, place)
    if origin is Literal:
        if value not in arguments:
            raise _unfit(place, f"one of {', '.join(map(str, arguments))}", value)
        return value
    if origin in (tuple, list):
        return _restored_sequence(origin, arguments, value, place)
    if origin is dict:
        if not isinstance(value, dict):
            raise _unfit(place, "a table", value)
        return {key: restored(arguments[1], entry, _below(place, key)) for key, entry in value.items()}
    if kind in _NUMBERS:
        return _restored_plain(kind, value, place)
    if (origin or kind) is np.ndarray:
        if not isinstance(value, np.ndarray):
            raise _unfit(place, "an array", value)
        return value
    return _restored_object(kind, value, place)


_NUMBERS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", dict: "a table"}


def _restored_plain(kind: type, value: Any, place: str) -> Any:
    if kind is float and type(value) is int and abs(value) < 2**1000:
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _unfit(place, _NUMBERS[kind], value)
    return value


def _restored_optional(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    (kind,) = [kind for kind in kinds if kind is not type(None)]
    return restored(kind, value, place)


def _restored_sequence(kind: Any, kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if not isinstance(value, list | tuple):
        raise _unfit(place, "a list", value)
    if kind is list or kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise _unfit(place, f"a list of {len(kinds)} values", value)
    return kind(restored(kinds[number], entry, _below(place, number)) for number, entry in enumerate(value))


def _restored_object(kind: type, value: Any, place: str) -> Any:
    """An object of the class `kind`, or of the subclass of that name, from its fields."""
    if not isinstance(value, dict):
        raise _unfit(place, "a table", value)
    name = value.get("class", kind.__name__)
    named = next((known for known in (kind, *_subclasses(kind)) if known.__name__ == name), None)
    if named is None:
        known = f"which is no {kind.__name__} known here: its module is not imported (docs/extend.md)"
        raise FormatError(f"{place or 'the content'} is of the class {name}, {known}")
    from_state = getattr(named, "from_state", None)
    standing = named if from_state is None else typing.get_type_hints(from_state)["state"]
    hints = typing.get_type_hints(standing, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(standing)}
    unknown = sorted(set(value) - set(fields) - {"class"})
    if unknown:
        raise FormatError(f"{_below(place, unknown[0])}: there is no such field; there are {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in value and not _has_default(field)]
    if missing:
        raise FormatError(f"{_below(place, missing[0])} is missing")
    given = {name: restored(hints[name], value[name], _below(place, name)) for name in fields if name in value}
    try:
        result = standing(**given)
        return result if from_state is None else from_state(result)
    except ValueError as error:
        raise FormatError(f"{place or name}: {error}") from error


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for subclass in kind.__subclasses__():
        yield from (subclass, *_subclasses(subclass))


def _described(value: Any, place: str, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """Plain values that stand for `value`; arrays, by their place, go into `arrays`."""
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return {"array": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_described(entry, _below(place, number, "/"), arrays) for number, entry in enumerate(value)]
    if isinstance(value, dict):
        return {key: _described(entry, _below(place, key, "/"), arrays) for key, entry in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    standing = value.state() if hasattr(value, "state") else value
    fields = {field.name: getattr(standing, field.name) for field in dataclasses.fields(standing)}
    return {"class": type(value).__name__} | _described(fields, place, arrays)


def _filled(value: Any, place: str, archive: zipfile.ZipFile) -> Any:
    """What `_described` returned, with the arrays of `archive` at their places."""
    if isinstance(value, list):
        return [_filled(entry, _below(place, number, "/"), archive) for number, entry in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) != {"array", "shape"}:
        return {key: _filled(entry, _below(place, key, "/"), archive) for key, entry in value.items()}
    with archive.open(f"{place}.npy") as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read(1)  # the end, where the checksum is compared
    if array.dtype.str != value["array"] or list(array.shape) != value["shape"]:
        raise FormatError(f"{place} is of type {array.dtype.str} and shape {array.shape}, not as {DESCRIPTION} says")
    return array


def _member(name: str) -> zipfile.ZipInfo:
    """A member of the zip; the same content gives the same file, byte by byte."""
    member = zipfile.ZipInfo(name)
    member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return member


def _below(place: str, key: object, separator: str = ".") -> str:
    return f"{place}{separator}{key}" if place else str(key)


def _unfit(place: str, needed: str, value: Any) -> FormatError:
    shown = "none" if value is None else repr(value)
    return FormatError(f"{place or 'the content'}: {needed} is needed, not {shown[:100]}")
