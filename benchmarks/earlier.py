"""A pseudo-experiment beside an earlier version of this project: `python -m benchmarks.earlier [--commit HASH]`.

The earlier version comes from the git history, with its own code and its own weights. A process of each makes and
predicts the same pseudo-experiments of a million events, in turn, with one thread. That the test sets are the same, up
to the sign of zero, is checked; estimates differ, as the weights do.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmarks.timing import spread
from ingestion_test.simulation import cached_folder
from ingestion_test.submissions import PROJECT
from runtime.children import THREAD_VARIABLES
from runtime.tables import Table

#: The last version before flows shipped and generation went through compiled loops.
COMMIT = "c52260f"

#: What a process of a version does: seeds come in, CPU seconds and a checksum of the test set go out.
_WORK = """
import hashlib, sys, time
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.sources import OfficialFolder
from submission import artifacts
events, estimator = OfficialFolder(sys.argv[1]).test_events(), artifacts.load()
for line in sys.stdin:
    seed = int(line)
    nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
    start = time.process_time()
    test_set = make_test_set(events, 1.0, nuisance, seed)
    made = time.process_time()
    estimator.estimate(**test_set)
    done = time.process_time()
    checksum = hashlib.sha256((test_set["data"].to_numpy() + 0).tobytes()).hexdigest()  # -0.0 + 0 is 0.0
    print(made - start, done - made, checksum, flush=True)
"""


def archive(commit: str) -> bytes:
    """The files of a commit that is there, as a tar archive."""
    return subprocess.run(["git", "-C", str(PROJECT), "archive", commit], capture_output=True, check=True).stdout


def is_there(commit: str) -> bool:
    """Whether the history of this repository has a commit."""
    command = ["git", "-C", str(PROJECT), "cat-file", "-e", f"{commit}^{{commit}}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:  # no git
        return False


@contextmanager
def version(folder: Path, data: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of the version whose code is in `folder`, that waits for seeds."""
    environment = os.environ | {"PYTHONPATH": str(folder)} | dict.fromkeys(THREAD_VARIABLES, "1")
    command = [sys.executable, "-c", _WORK, str(data)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, cwd=folder, env=environment, stdin=pipe, stdout=pipe) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def answer(process: subprocess.Popen[str], seed: int) -> tuple[float, float, str]:
    """CPU seconds for events and for prediction, and the checksum, of one pseudo-experiment."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{seed}\n")
        process.stdin.flush()
    except BrokenPipeError:  # what there is to say comes with the line that is missing
        pass
    line = process.stdout.readline().split()
    if len(line) != 3:
        raise SystemExit("a version's process has ended: see its error above")
    return float(line[0]), float(line[1]), line[2]


def compare(commit: str, content: bytes, rounds: int) -> Table:
    """CPU seconds of this version and of the earlier one, whose archive `content` is, and their ratio."""
    data = cached_folder()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        with tarfile.open(fileobj=io.BytesIO(content)) as files:
            files.extractall(folder, filter="data")
        versions = [stack.enter_context(version(place, data)) for place in (PROJECT, Path(folder))]
        seconds = np.empty((rounds, 2, 2))
        for seed in range(-1, rounds):  # the first one compiles and warms caches up
            answers = [answer(process, seed + 1) for process in versions]
            if answers[0][2] != answers[1][2]:
                raise SystemExit(f"pseudo-experiment {seed + 1}: the test sets differ")
            seconds[seed] = [own[:2] for own in answers]
    ours, earlier = seconds[:, 0], seconds[:, 1]
    lines = []
    for name, mine, theirs in (
        ("generation", ours[:, 0], earlier[:, 0]),
        ("prediction", ours[:, 1], earlier[:, 1]),
        ("both", ours.sum(axis=1), earlier.sum(axis=1)),
    ):
        lines.append((name, spread(mine, 3), spread(theirs, 3), spread(mine / theirs, 2)))
    return Table(("CPU s, median (range over the rounds)", "ours", commit, "ours / earlier"), lines)


def main() -> None:
    """Print the comparison."""
    program = "python -m benchmarks.earlier"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 3"
    )
    parser.add_argument("--commit", default=COMMIT, help=f"the earlier version (default {COMMIT})")
    parser.add_argument("--rounds", type=int, default=7, help="pseudo-experiments (default 7)")
    flags = parser.parse_args()
    if not is_there(flags.commit):
        raise SystemExit(f"{PROJECT} has no git history with the commit {flags.commit}: clone the whole repository")
    print(f"{flags.rounds} pseudo-experiments, the same test sets from both")
    print(compare(flags.commit, archive(flags.commit), flags.rounds).text())


if __name__ == "__main__":
    main()
