"""Doors of weights and tables: the artifacts of a submission, and the files that the training's stages leave."""

import argparse
import functools
import hashlib
import io
import json
import os
import pickle
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hypothesis import strategies as st

from experiments.trained_artifacts import load
from ingestion_test.schema import FEATURES
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime.errors import run_command
from submission import artifacts
from submission.artifacts import ESTIMATOR, MANIFEST
from submission.codec import DESCRIPTION
from tests.conftest import make_events
from tests.robustness.bad_input.events import write_events
from tests.robustness.bad_input.sandbox import Door, Place
from tests.robustness.bad_input.spoiling import FILE_SPOILS, JSON_TEXTS, JSON_VALUES, spoil
from training.__main__ import main as training_main
from training.config import PRESETS
from training.stages import Training

_NAMES = (MANIFEST, ESTIMATOR)

_MANIFEST_KEYS = (("version",), ("sha256",), ("sha256", ESTIMATOR), ("record",))

_HISTOGRAM, _LIKELIHOOD, _BELT = (("content", name) for name in ("histogram", "likelihood", "belt"))
_SCORER, _AXIS = (*_HISTOGRAM, "scorer"), (*_HISTOGRAM, "axis")
_MEMBER = (*_SCORER, "classifier", "members", 0)
_FLOW = (*_SCORER, "discriminators", 0, "flow")

_DESCRIPTION_KEYS = (
    *(("version",), ("about",), ("content",), ("content", "class"), ("content", "more")),
    *((*_HISTOGRAM, name) for name in ("class", "score_edges", "no_jet_edges")),
    *((*_SCORER, name) for name in ("class", "discriminators", "standardisations")),
    (*_SCORER, "standardisations", 0, "names"),
    (*_SCORER, "standardisations", 1, "mean"),
    *((*_SCORER, "classifier", *rest) for rest in ((), ("class",), ("members",))),
    *(
        (*network, *rest)
        for network in (_MEMBER, (*_SCORER, "gate"), (*_AXIS, "network"))
        for rest in (
            (),
            ("class",),
            ("shape",),
            ("weights",),
            ("shape", "inputs"),
            ("shape", "width"),
            ("shape", "depth"),
        )
    ),
    *((*_AXIS, *rest) for rest in ((), ("edges",), ("edges", 0), ("standardisation", "names"))),
    *(
        (*_FLOW, *rest)
        for rest in ((), ("flows",), ("weights",), ("config",), ("config", "layers"), ("config", "even"))
    ),
    *((*_LIKELIHOOD, "config", *rest) for rest in ((), ("nuisance",), ("shape_only",), ("more",))),
    *((*_BELT, "config", *rest) for rest in ((), ("ordering",), ("use_error",), ("mu_range",), ("more",))),
    *((*_BELT, name) for name in ("largest", "lower")),
)

with zipfile.ZipFile(artifacts.FOLDER / ESTIMATOR) as _archive:
    _ARRAYS = sorted(name for name in _archive.namelist() if name != DESCRIPTION)

_ARRAY_CHANGES = (
    "missing",
    "empty",
    "half",
    "flat",
    "number",
    "nan",
    "negative",
    "text",
    "objects",
    "integers",
    "zeros",
)

#: What can be wrong with artifacts, as `_change` takes it; where the estimator changes, its checksum does too.
_CHANGES = st.one_of(
    st.tuples(st.just("file"), st.sampled_from(_NAMES), FILE_SPOILS),
    st.tuples(st.just("resealed"), st.just(ESTIMATOR), FILE_SPOILS),
    st.tuples(st.just("manifest"), st.sampled_from(_MANIFEST_KEYS), JSON_VALUES),
    st.tuples(st.just("text"), st.none(), JSON_TEXTS),
    st.tuples(st.just("array"), st.sampled_from(_ARRAYS), st.sampled_from(_ARRAY_CHANGES)),
    st.tuples(st.just("description"), st.sampled_from(_DESCRIPTION_KEYS), JSON_VALUES),
    st.tuples(st.just("code"), st.just(ESTIMATOR), st.sampled_from(["pickle", "torch", "numpy"])),
)


class _Code:
    """Makes the folder `executed` when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


def _change(folder, change, at, value):
    if change == "file":
        spoil(folder / at, *value)
    elif change == "text":
        (folder / MANIFEST).write_bytes(value)
    elif change == "manifest":
        manifest = json.loads((folder / MANIFEST).read_text())
        _set(manifest, at, value)
        (folder / MANIFEST).write_text(json.dumps(manifest))
    else:
        if change == "resealed":
            spoil(folder / at, *value)
        elif change == "array":
            _change_array(folder / ESTIMATOR, at, value)
        elif change == "description":
            _change_description(folder / ESTIMATOR, at, value)
        else:
            (folder / at).write_bytes(_code(value))
        _seal(folder)


def _set(content, keys, value):
    *path, last = keys
    for key in path:
        content = content[key]
    content[last] = value


def _change_description(path, at, value):
    members = _members(path)
    description = json.loads(members[DESCRIPTION])
    _set(description, at, value)
    _write(path, members | {DESCRIPTION: json.dumps(description).encode()})


def _change_array(path, name, change):
    """Change an array, and the description with it, which then agrees."""
    members = _members(path)
    array = np.load(io.BytesIO(members.pop(name)))
    if change != "missing":
        array = (
            {
                "empty": lambda: array[..., :0],
                "half": lambda: array[..., : array.shape[-1] // 2] if array.ndim else array,
                "flat": lambda: array.ravel(),
                "number": lambda: np.array(3.0),
                "nan": lambda: np.full_like(array, np.nan),
                "negative": lambda: -array,
                "text": lambda: array.astype(str),
                "objects": lambda: np.array([_Code()]),
                "integers": lambda: array.astype(int),
                "zeros": lambda: 0 * array,
            }[change]()
            if array.ndim
            else np.array([_Code()])
        )
        content = io.BytesIO()
        np.save(content, array, allow_pickle=True)
        members[name] = content.getvalue()
        description = json.loads(members[DESCRIPTION])
        place = [int(key) if key.isdigit() else key for key in name.removesuffix(".npy").split("/")]
        _set(description, ["content", *place], {"array": array.dtype.str, "shape": list(array.shape)})
        members[DESCRIPTION] = json.dumps(description).encode()
    _write(path, members)


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@functools.cache
def _code(kind):
    content = io.BytesIO()
    if kind == "pickle":
        pickle.dump(_Code(), content)
    elif kind == "torch":
        torch.save({"version": 2, "classifier": _Code()}, content)
    else:
        np.savez(content, **{"likelihood/templates/coefficients": np.array([_Code()])})
    return content.getvalue()


def _seal(folder):
    """Write the checksum of the estimator into the manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    if (folder / ESTIMATOR).is_file():
        manifest["sha256"][ESTIMATOR] = hashlib.sha256((folder / ESTIMATOR).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _prepare_artifacts(case, place):
    for name in _NAMES:
        shutil.copyfile(artifacts.FOLDER / name, place.inputs / name)
    _change(place.inputs, *case)
    return functools.partial(run_command, argparse.Namespace(command=lambda _flags: _predict(place.inputs)), "a test")


def _predict(folder):
    """Load artifacts as the experiments do, and predict."""
    estimator, _ = load(folder)
    estimator.estimate(_events(), np.ones(len(_events())))


@functools.cache
def _events():
    features, _ = transform(make_events(200).iloc[:, :16].to_numpy())
    return pd.DataFrame(features, columns=FEATURES)


@functools.cache
def _stage():
    """The file that the stage flows leaves."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.inputs.mkdir()
        write_events(place)
        training = Training(PRESETS["no-flows"], OfficialFolder(place.inputs), place.out)
        training.run("flows")
        return training.path("flows").read_bytes()


_STAGE_KEYS = (
    *(("version",), ("about",), ("content",)),
    *(("content", name) for name in ("class", "summary", "discriminators", "more")),
)


def _prepare_stage(case, place):
    change, at, value = case
    write_events(place)
    place.out.mkdir()
    path = place.out / "flows.npz"
    path.write_bytes(_code(value) if change == "code" else _stage())
    if change == "file":
        spoil(path, *value)
    elif change == "description":
        _change_description(path, at, value)
    flags = ["--preset", "no-flows", "--data", str(place.inputs), "--output", str(place.out)]
    return functools.partial(training_main, ["flows", "--resume", *flags])


_STAGE_CHANGES = st.one_of(
    st.tuples(st.just("file"), st.none(), FILE_SPOILS),
    st.tuples(st.just("description"), st.sampled_from(_STAGE_KEYS), JSON_VALUES),
    st.tuples(st.just("code"), st.none(), st.sampled_from(["pickle", "torch", "numpy"])),
)

DOORS = (
    Door("artifacts", _CHANGES, _prepare_artifacts),
    Door("training stages", _STAGE_CHANGES, _prepare_stage),
)
