"""The upload in the official program itself, beside this project's replica of it.

OFFICIAL_PROGRAM names a copy of the organisers' folder `ingestion_program`, OFFICIAL_ROWS the rows of the events.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from experiments.__main__ import main as experiments
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.simulation import write_folder
from runtime.children import THREAD_VARIABLES
from tests.conftest import OFFICIAL
from upload.archive import build

PROGRAM = os.environ.get("OFFICIAL_PROGRAM")
ROWS = int(os.environ.get("OFFICIAL_ROWS", "200000"))
REPLICA = Path(__file__).parents[2] / "ingestion_test" / "run_ingestion.py"

#: What Python runs first: the official program shares out the GPUs, of which it needs one. With its number no process
#: of a machine without GPUs finds one.
ONE_GPU = """
import sys
if sys.argv[0] != "-c":
    import torch
    torch.cuda.device_count = lambda: 1
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="OFFICIAL_PROGRAM names no copy of the official program"),
]


@pytest.fixture(scope="module")
def submission(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upload")
    build(folder / "a.zip")
    with zipfile.ZipFile(folder / "a.zip") as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def another_world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    write_folder(folder / "simulated", ROWS, seed=11)
    changed = folder / "changed"
    experiments(["world", "waves-20", "--data", str(folder / "simulated"), "--output", str(changed)])
    return changed


def _results(script, events, submission, output, *more):
    """The files of results, by name, and what was printed."""
    (output.parent / "first").mkdir(exist_ok=True)
    (output.parent / "first" / "sitecustomize.py").write_text(ONE_GPU)
    output.mkdir()
    surroundings = os.environ | {
        "HIGGSML_CACHE": str(output.parent / f"cache of {output.name}"),
        "MAX_WORKERS": "2",
        "PYTHONPATH": str(output.parent / "first"),
        **dict.fromkeys(THREAD_VARIABLES, "1"),  # the last bit of a sum depends on how many threads share it
    }
    varied = [f"--systematics-{name.replace('_', '-')}" for name in NUISANCE_NAMES]
    sizes = ["--num-of-sets", "2", "--num-pseudo-experiments", "2", "--random-seed", "2718"]
    folders = ["--input", str(events), "--output", str(output), "--submission", str(submission)]
    process = subprocess.run(
        [sys.executable, str(script), *folders, *varied, *sizes, *more],
        cwd=script.parent,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-3000:]
    results = {path.name: json.loads(path.read_text()) for path in sorted(output.glob("result_*.json"))}
    said = [line for line in process.stdout.splitlines() if line.startswith("fit: tables")]
    print(output.name, *said, results, sep="\n")
    return results, said[-1] if said else ""


def _of_all_programs(events, submission, tmp_path):
    """Results of the official program and of the replica, serial and parallel; and what the official fits say."""
    official = Path(PROGRAM, "run_ingestion.py")
    names = ("mu_hats", "delta_mu_hats", "p16", "p84")
    results, last_lines = [], []
    for script, who in ((official, "official"), (REPLICA, "replica")):
        for number, more in enumerate(([], ["--parallel"])):
            numbers, said = _results(script, events, submission, tmp_path / f"{who} {number}", *more)
            results.append({file: {name: values[name] for name in names} for file, values in numbers.items()})
            last_lines += [said] if script == official else []
    return results, last_lines


def test_events_of_another_world_give_the_same_everywhere(another_world, submission, tmp_path):
    results, last_lines = _of_all_programs(another_world, submission, tmp_path)
    assert all(line.startswith("fit: tables made from") for line in last_lines), last_lines
    first, *others = results
    assert set(first) == {"result_0.json", "result_1.json"}
    assert all(len(values) == 2 for of_set in first.values() for values in of_set.values())
    assert all(other == first for other in others)


def test_the_official_sample_is_too_small_for_other_tables(submission, tmp_path):
    results, last_lines = _of_all_programs(OFFICIAL / "sample", submission, tmp_path)
    assert last_lines == 2 * ["fit: tables as shipped: there are only 700 training events"]
    first, *others = results
    assert all(other == first for other in others)
    for of_set in first.values():
        assert all(0.1 <= low <= high <= 3 for low, high in zip(of_set["p16"], of_set["p84"]))
