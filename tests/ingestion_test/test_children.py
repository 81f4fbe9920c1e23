"""What a submission starts ends, whatever has started the submission: no child imports what would start it again."""

import json
import subprocess
import sys

import pytest

from ingestion_test.submissions import PROJECT
from tests.submissions import write

#: Processes in each of the ways that there are; a model sends itself, what it was given, and functions of its own.
MODEL = """
import multiprocessing
import sys

import __main__
from derived_quantities import DER_data
from systematics import V4, postprocess


def square(x):
    return x * x


def spawned(function, *arguments):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


class Model:
    def __init__(self, get_train_set, systematics):
        self.get_train_set, self.systematics = get_train_set, systematics

    def fit(self):
        import joblib
        import torch

        assert __main__.args.num_of_sets == 1 and sys.argv[0] == "run_ingestion.py", sys.argv
        assert multiprocessing.parent_process() is None and multiprocessing.current_process().name == "MainProcess"
        multiprocessing.set_start_method("spawn")
        train = self.get_train_set(train_size=20)
        assert len(spawned(self.shifted, train, self.systematics, DER_data, postprocess, V4)) > 0
        for method in ("fork", "forkserver"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(square, [1, 2]) == [1, 4]
        assert joblib.Parallel(2)(joblib.delayed(square)(x) for x in (1, 2)) == [1, 4]
        loader = torch.utils.data.DataLoader(range(3), num_workers=1, multiprocessing_context="fork")
        assert [int(x) for x in loader] == [0, 1, 2]
        self.value = 5.0

    @staticmethod
    def shifted(train, systematics, derived, selected, vector):
        assert vector(3.0, 0.0, 0.0, 5.0).m() == 4.0
        return derived(selected(systematics(train)))

    def me(self, number):
        return self.value * number

    def predict(self, test_set):
        # A model that still can read training events cannot be sent to others; in a parallel run it no more can.
        value = spawned(self.me, 1.0) if "--systematics-tes" in sys.argv else self.value + spawned(square, 0)
        return {"mu_hat": value, "delta_mu_hat": 1.0, "p16": 0.0, "p84": 2.0}
"""

SCORE = ["-m", "ingestion_test", "score", "--sets=1", "--experiments=1", "--workers=1", "--systematics=none"]
INGEST = ["ingestion_test/run_ingestion.py", "--num-of-sets=1"]
DOORS = {
    "score": [*SCORE, "--data"],
    "serial": [*INGEST, "--num-pseudo-experiments=1", "-i"],
    "parallel": [*INGEST, "--num-pseudo-experiments=2", "--systematics-tes", "--parallel", "-i"],
}


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_children_end(door, tmp_path, data_folder):
    folder, output = write(tmp_path / "submission", {"model.py": MODEL}), tmp_path / "out"
    command = [sys.executable, *DOORS[door], str(data_folder), "--submission", str(folder), "--output", str(output)]
    done = subprocess.run(command, cwd=PROJECT, timeout=300, capture_output=True, text=True, check=False)
    log = output / "submission.log"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    assert set(json.loads((output / "result_0.json").read_text())["mu_hats"]) == {5.0}
