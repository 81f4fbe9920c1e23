"""`python -m tests.robustness.same_results CHECKOUT`: whether another version of this project gives the same numbers.

Both versions score their own submission and train the smoke preset, each with its own code, on the same simulated
events and with one thread. The scored sample is large, as on a small one every interval is the whole range. Compared
are predictions and scores by their names, and all numbers in the files of the training and in the shipped artifacts by
their values: to the bit, whatever the files look like.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

from ingestion_test.simulation import cached_folder
from ingestion_test.submissions import PROJECT
from tests.robustness.kills import TIMINGS

#: Where the weights and tables of the upload lie.
SHIPPED = Path("submission", "artifacts")

_TRAINING = ("training", "all", "--preset", "smoke")

#: Most differences of one kind that are printed.
SHOWN = 5


def main(arguments=None):
    """The command line; returns the exit code: 1 if a number differs."""
    program = "python -m tests.robustness.same_results"
    description = __doc__.splitlines()[0].partition(": ")[2].capitalize()
    parser = argparse.ArgumentParser(prog=program, description=description, epilog=f"example: {program} ../before")
    parser.add_argument("checkout", type=Path, help="folder of the other version")
    parser.add_argument("--data", type=Path, metavar="DIR", help="events to score (default: those of `score`)")
    flags = parser.parse_args(arguments)
    data = {"ingestion_test": (flags.data or cached_folder()).resolve(), "training": cached_folder("small", seed=1)}
    with tempfile.TemporaryDirectory() as work:
        ours, theirs = (
            _numbers(checkout.resolve(), data, Path(work, name))
            for name, checkout in (("ours", PROJECT), ("theirs", flags.checkout))
        )
    return max(compare(name, ours[name], theirs[name]) for name in ours)


def _numbers(checkout, data, folder):
    """Run the version in `checkout`, each room on its `data`.

    Returns:
        dict from what is compared to its numbers: dict from what must be equal to what to call it.
    """
    for room, *command in (("ingestion_test", "score", "--sets", "2", "--experiments", "2"), _TRAINING):
        flags = ("--data", str(data[room]), "--workers", "1", "--output", str(folder / room))
        print(f"{checkout}: python -m {room} {' '.join(command)}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", room, *command, *flags],
            cwd=checkout,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr)
    score, training = folder / "ingestion_test", folder / "training"
    return {
        "predictions and scores": named(sorted(score.glob("result_*.json")) + [score / "scores.json"]),
        "stages of the training": valued(sorted(path for path in training.iterdir() if path.suffix)),
        "artifacts of the training": valued(sorted((training / "artifacts").iterdir())),
        "shipped artifacts": valued(sorted((checkout / SHIPPED).iterdir())),
    }


def named(paths):
    """All numbers in files whose layout is that of the official program."""
    return {(label, checksum): label for label, checksum in _labelled(paths)}


def valued(paths):
    """All numbers in files of any layout."""
    return {checksum: label for label, checksum in _labelled(paths)}


def _labelled(paths):
    for path in paths:
        for place, array in _arrays(_load(path.read_bytes())):
            yield f"{path.name}{place} {array.dtype}{array.shape}", _checksum(array)


def _checksum(array):
    return hashlib.sha256(f"{array.dtype} {array.shape} ".encode() + array.tobytes()).hexdigest()


def _load(content):
    """Content of a file: arrays, weights, or else JSON."""
    if not content.startswith(b"PK"):
        return json.loads(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if any(name.endswith("data.pkl") for name in archive.namelist()):
            return torch.load(io.BytesIO(content), weights_only=True)
        return {name: _member(name, archive.read(name)) for name in archive.namelist()}


def _member(name, content):
    return np.load(io.BytesIO(content), allow_pickle=False) if name.endswith(".npy") else json.loads(content)


def _arrays(content, place=""):
    """(place, array) of all that has a fraction; files within files are looked into."""
    if isinstance(content, dict):
        for name, inner in content.items():
            if name not in TIMINGS:
                yield from _arrays(inner, f"{place}/{name}")
    elif isinstance(content, (list, tuple)):
        for number, inner in enumerate(content):
            yield from _arrays(inner, f"{place}/{number}")
    elif isinstance(content, (torch.Tensor, np.ndarray, float)):
        array = np.asarray(content)
        if array.dtype == np.uint8 and array.tobytes().startswith(b"PK"):
            yield from _arrays(_load(array.tobytes()), place)
        elif np.issubdtype(array.dtype, np.floating):
            yield place, array


def compare(name, ours, theirs):
    """Print how the numbers compare; returns 1 if they differ."""
    different = {"ours": ours.keys() - theirs.keys(), "theirs": theirs.keys() - ours.keys()}
    print(f"{name}: {len(ours.keys() & theirs.keys())} the same to the bit, {len(different['theirs'])} differ")
    for side, numbers in (("ours", ours), ("theirs", theirs)):
        for label in sorted(numbers[key] for key in different[side])[:SHOWN]:
            print(f"    only in {side}: {label}")
    return int(any(different.values()))


if __name__ == "__main__":
    sys.exit(main())
