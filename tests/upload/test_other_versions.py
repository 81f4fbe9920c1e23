"""The upload in another interpreter: the one in OTHER_PYTHON, which is `make old`'s, or else a fresh one like this."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ingestion_test.schema import FEATURES
from ingestion_test.sources import OfficialFolder
from model import Model
from submission import artifacts
from submission.codec import encode
from submission.flows import Flow, FlowConfig, evaluate
from submission.parameters import PARAMETERS, values_from_pulls
from upload.archive import build

PYTHON = os.environ.get("OTHER_PYTHON") or sys.executable
PROGRAM = Path(__file__).with_name("predict_from_zip.py")


@pytest.fixture
def events(simulated_folder):
    """A million events as the templates expect them: those of a small sample, again and again, bin by bin."""
    estimator, random = artifacts.load(), np.random.default_rng(1)
    frame = OfficialFolder(simulated_folder).train_set()[list(FEATURES)]
    expected = estimator.likelihood.templates.expected(values_from_pulls(np.eye(len(PARAMETERS))[:1]))
    bins = estimator.histogram.bins_of(frame)
    rows = [np.resize(np.flatnonzero(bins == b), n) for b, n in enumerate(random.poisson(expected[0]))]
    return frame.iloc[np.concatenate(rows)]


@pytest.mark.slow
def test_another_interpreter_gives_the_same(tmp_path, events):
    build(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    flow = Flow(FlowConfig(13, layers=12, depth=2, width=32), flows=4, seed=1)
    flow_events = np.random.default_rng(2).standard_normal((1000, 13)).astype(np.float32)
    np.savez(tmp_path / "events.npz", **{name: values.to_numpy() for name, values in events.items()})
    np.save(tmp_path / "flow_events.npy", flow_events)
    (tmp_path / "flow.npz").write_bytes(encode(flow))
    command = [PYTHON, PROGRAM, tmp_path]
    process = subprocess.run(command, cwd=tmp_path / "unpacked", capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    theirs, ours = json.loads(process.stdout), Model().predict({"data": events})
    print(f"{PYTHON}: {theirs['versions']}\ntheirs {theirs['prediction']}\nours   {ours}")
    assert 0.1 < ours["p16"] < ours["p84"] < 3
    assert theirs["prediction"] == pytest.approx(ours, abs=1e-3 * ours["delta_mu_hat"])
    np.testing.assert_allclose(theirs["log_q"], evaluate(flow, flow_events), rtol=1e-4)
    attempted, failed = theirs["doctests"]
    assert attempted > 0
    assert not failed
