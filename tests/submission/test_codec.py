"""Typed objects to a file and back: what comes out, and contents that cannot be."""

import dataclasses
import io
import json
import math
import os
import zipfile
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from typing_extensions import TypeAliasType

from submission import codec
from submission.codec import DESCRIPTION, Bounds, FormatError, OriginError, decode, encode, restored


@dataclasses.dataclass(frozen=True)
class Leaf:
    values: npt.NDArray[np.float64]
    name: str = "leaf"


@dataclasses.dataclass(frozen=True)
class LargeLeaf(Leaf):
    size: float = math.inf


@dataclasses.dataclass(frozen=True)
class Numbers:
    total: int

    def __post_init__(self):
        if self.total < 0:
            raise ValueError("less than nothing")


class Standing:
    """A class that is no dataclass."""

    def __init__(self, total):
        self.total = total

    def state(self):
        return Numbers(self.total)

    @classmethod
    def from_state(cls, state: Numbers) -> "Standing":
        return cls(state.total)


@dataclasses.dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    standing: Standing
    table: dict[str, npt.NDArray[Any]]
    pair: tuple[int, float]
    kind: Literal["oak", "elm"] = "oak"
    nothing: Leaf | None = None
    anything: Any = None


def tree():
    leaves = (Leaf(np.array([1.0, -0.0, np.nan, 0.1])), LargeLeaf(np.empty((0, 3)), "ä"))
    table = {"a.b": np.array(7, dtype=np.int8), "transposed": np.arange(6.0).reshape(2, 3).T}
    return Tree(leaves, Standing(3), table, (1, 0.1), "elm", anything={"list": [1, None, True, "x", 1e-300]})


def changed(content, change):
    """The content with its description changed by a function."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description = json.loads(members[DESCRIPTION])
    change(description)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for name, member in (members | {DESCRIPTION: json.dumps(description)}).items():
            archive.writestr(name, member)
    return result.getvalue()


def test_what_goes_in_comes_out_to_the_bit():
    before, after = tree(), decode(Tree, encode(tree()))
    assert [type(leaf) for leaf in after.leaves] == [Leaf, LargeLeaf]
    for one, other in (*zip(before.leaves, after.leaves),):
        assert (one.name, getattr(one, "size", 0)) == (other.name, getattr(other, "size", 0))
        assert (one.values.tobytes(), one.values.shape) == (other.values.tobytes(), other.values.shape)
    for name, values in before.table.items():
        assert values.dtype == after.table[name].dtype
        np.testing.assert_array_equal(values, after.table[name])
    assert after.standing.total == 3
    assert (after.pair, after.kind, after.nothing, after.anything) == ((1, 0.1), "elm", None, before.anything)


def test_the_same_content_gives_the_same_file_which_numpy_opens():
    assert encode(tree()) == encode(tree())
    with np.load(io.BytesIO(encode(tree()))) as arrays:
        np.testing.assert_array_equal(arrays["leaves/0/values"], tree().leaves[0].values)


def test_a_file_is_refused_where_it_is_about_something_else():
    content = encode(tree(), about={"seed": (1, 2)})
    assert decode(Tree, content, about={"seed": [1, 2]}).pair == (1, 0.1)
    assert decode(Tree, content).pair == (1, 0.1)
    with pytest.raises(OriginError, match=r"it is about {'seed': \[1, 2\]}, not"):
        decode(Tree, content, about={"seed": [1, 3]})


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_or_changed_is_damaged(share):
    content = bytearray(encode(Leaf(np.random.default_rng(1).random(1000))))
    place = int(share * len(content))
    with pytest.raises(FormatError):
        decode(Leaf, bytes(content[:place]))
    content[len(content) // 3] ^= 1  # within the array
    with pytest.raises(FormatError, match="damaged"):
        decode(Leaf, bytes(content))


def _set(*keys, to):
    def change(description):
        *path, last = keys
        for key in path:
            description = description[key]
        description[last] = to

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_set("version", to=codec.VERSION - 1), f"of version {codec.VERSION - 1}, this code reads version"),
        (_set("content", "class", to="Leaf"), "the content is of the class Leaf, which is no Tree known here"),
        (_set("content", "class", to=["Tree"]), "which is no Tree known here"),
        (
            _set("content", "leaves", 0, "class", to="Tree"),
            "leaves.0 is of the class Tree, which is no Leaf known here",
        ),
        (_set("content", "more", to=1), "more: there is no such field; there are leaves, standing"),
        (lambda description: description["content"].pop("pair"), "pair is missing"),
        (_set("content", "pair", to=[1]), "pair: a list of 2 values is needed"),
        (_set("content", "pair", to="ab"), "pair: a list is needed, not 'ab'"),
        (_set("content", "kind", to="fir"), "kind: one of oak, elm is needed"),
        (_set("content", "table", to=3), "table: a table is needed"),
        (_set("content", "leaves", 0, "name", to=None), "leaves.0.name: a text is needed, not none"),
        (_set("content", "leaves", 0, "values", to=[1.0]), "leaves.0.values: an array is needed"),
        (_set("content", "leaves", 0, "values", "shape", to=[3]), "leaves/0/values is of type <f8 and shape"),
        (_set("content", "standing", "total", to=-1), "standing: less than nothing"),
        (_set("content", to=None), "the content: a table is needed, not none"),
    ],
)
def test_a_description_that_cannot_be_is_named(change, text):
    with pytest.raises(FormatError, match=text):
        decode(Tree, changed(encode(tree()), change))


class _Code:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_nothing_in_a_file_is_executed(tmp_path):
    content, member = encode(Leaf(np.zeros(1))), io.BytesIO()
    np.save(member, np.array([_Code(str(tmp_path / "executed"))]), allow_pickle=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        description = archive.read(DESCRIPTION)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        archive.writestr(DESCRIPTION, description)
        archive.writestr("values.npy", member.getvalue())
    with pytest.raises(FormatError, match="damaged"):
        decode(Leaf, result.getvalue())
    assert not (tmp_path / "executed").exists()


def test_files_of_other_programs_are_refused():
    archive = io.BytesIO()
    np.savez(archive, values=np.zeros(3))
    for content, text in ((archive.getvalue(), "of an earlier version, or of another program"), (b"", "damaged")):
        with pytest.raises(FormatError, match=text):
            decode(Leaf, content)


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (float, 1, 1.0),
        (Annotated[float, Bounds(0, 1)], 1, 1.0),
        (Annotated[int, Bounds(0)] | None, None, None),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (list[str], ["a"], ["a"]),
        (bool, False, False),
    ],
)
def test_plain_values_get_their_types(kind, value, result):
    assert restored(kind, value) == result
    assert type(restored(kind, value)) is type(result)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True),
        (int, 1.0),
        (float, "1"),
        (float, True),
        (float, 10**400),
        (bool, 1),
        (str, 1),
        (Annotated[float, Bounds()], math.nan),
        (Annotated[float, Bounds()], -math.inf),
        (Annotated[int, Bounds(1, 3)], 10**400),
        (Annotated[float, Bounds(0, 1, strict=True)], 1.0),
        (list[int], [1, "a"]),
        (dict[str, int], {"a": "b"}),
        (int | None, "none"),
    ],
)
def test_plain_values_of_another_type_are_refused(kind, value):
    with pytest.raises(FormatError, match=r"place.* needed, not"):
        restored(kind, value, "place")


def test_arrays_are_known_by_a_named_alias_too():
    """numpy 2.5 makes NDArray an alias that has a name, as the statement `type` does."""
    element = TypeVar("element")
    named = TypeAliasType("named", np.ndarray[Any, np.dtype[element]], type_params=(element,))
    value = np.ones(3)
    assert restored(named[np.float64], value) is value
    with pytest.raises(FormatError, match="an array is needed"):
        restored(named[np.float64], [1.0])
