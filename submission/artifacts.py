"""Trained weights and tables as files: read with their version and checksums."""

import dataclasses
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import torch

from .confidence import Belt, BeltConfig
from .estimator import Estimator
from .features import CATEGORIES
from .histogram import Histogram
from .likelihood import Likelihood, LikelihoodConfig
from .score import Scorer
from .templates import Templates

#: Changes when artifacts of an earlier version can no longer be read.
VERSION = 1

MANIFEST, NETWORKS, TABLES = "manifest.json", "networks.pt", "tables.npz"

FOLDER = Path(__file__).resolve().parent / "artifacts"

_REMEDY = "make them again with `python -m training all`, or take the submission's zip again"


class ArtifactError(Exception):
    """An artifact is missing, damaged or of another version; the message names the file and the remedy."""


def contents(estimator, record):
    """The files that `load` makes the same `Estimator` from: dict from name to bytes.

    Arguments:
        estimator: `estimator.Estimator`.
        record: how it was made and what it reached: a dict that JSON can hold.
    """
    networks = io.BytesIO()
    torch.save(estimator.histogram.scorer.state(), networks)
    histogram, edges = estimator.histogram, {}
    for category, inner in zip(CATEGORIES, histogram.score_edges):
        edges[f"edges/{category}"] = inner
    if histogram.no_jet_edges is not None:
        edges["edges/0-jet"] = histogram.no_jet_edges
    tables = io.BytesIO()
    np.savez_compressed(
        tables,
        **edges,
        **{f"templates/{name}": value for name, value in estimator.likelihood.templates.arrays().items()},
        **{f"belt/{name}": value for name, value in estimator.belt.arrays().items()},
    )
    files = {NETWORKS: networks.getvalue(), TABLES: tables.getvalue()}
    manifest = {
        "version": VERSION,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "likelihood": dataclasses.asdict(estimator.likelihood.config),
        "belt": dataclasses.asdict(estimator.belt.config),
        "record": record,
    }
    return files | {MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode()}


def load(folder=FOLDER, scorer_class=Scorer):
    """The `Estimator` of the artifacts in `folder`.

    Arguments:
        folder: what it lies in.
        scorer_class: what reads the networks.

    Raises:
        ArtifactError: a file is missing, damaged, or of another version.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    networks, tables = (_checked(folder / name, manifest) for name in (NETWORKS, TABLES))
    try:
        scorer = scorer_class.from_state(torch.load(io.BytesIO(networks), map_location="cpu", weights_only=True))
        with np.load(io.BytesIO(tables), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        return _estimator(scorer, arrays, manifest)
    except Exception as error:  # of the many kinds that the readers of damaged files have
        raise ArtifactError(f"the artifacts in {folder} do not fit together ({error!r}): {_REMEDY}") from error


def _estimator(scorer, arrays, manifest):
    if scorer.classifier is None or not scorer.standardisations:
        raise ValueError("the networks are not trained")
    templates = Templates(**_under("templates", arrays))
    belt = Belt(BeltConfig(**manifest["belt"]), **_under("belt", arrays))
    if not all(np.isfinite(array).all() for array in belt.arrays().values()):
        raise ValueError("the belt has values that are not finite")
    likelihood = Likelihood(templates, LikelihoodConfig(**manifest["likelihood"]))
    edges = _under("edges", arrays)
    no_jet = edges.pop("0-jet", None)
    histogram = Histogram(scorer, tuple(edges[name] for name in CATEGORIES), no_jet)
    if histogram.bins != templates.bins:
        raise ValueError(f"{histogram.bins} bins in the histogram, {templates.bins} in the templates")
    return Estimator(histogram, likelihood, belt)


def _under(group, arrays):
    prefix = f"{group}/"
    found = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return {name: array.item() if array.ndim == 0 else array for name, array in found.items()}


def _manifest(folder):
    path = folder / MANIFEST
    if not path.exists():
        raise ArtifactError(f"no artifacts: {path} is missing; {_REMEDY}")
    try:
        manifest = json.loads(_content(path).decode())
        version = manifest["version"]
        if not isinstance(manifest["sha256"], dict):
            raise TypeError("sha256 is no object")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read ({error!r}): {_REMEDY}") from error
    if version != VERSION:
        raise ArtifactError(f"{path} is of version {version}, this code reads version {VERSION}: {_REMEDY}")
    return manifest


def _checked(path, manifest):
    """Content of `path`, if its checksum is the manifest's."""
    content = _content(path)
    if hashlib.sha256(content).hexdigest() != manifest["sha256"].get(path.name):
        raise ArtifactError(f"{path} is damaged or of another training: its checksum is not the manifest's; {_REMEDY}")
    return content


def _content(path):
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ArtifactError(f"{path} is no regular file: {_REMEDY}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): {_REMEDY}") from error
