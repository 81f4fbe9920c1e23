"""The interval that scores allow: against a known answer; the law of the learning curve; the table."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from experiments import trainings
from experiments.__main__ import main
from experiments.methods.registry import METHODS
from experiments.trainings import Row, learning_curve, measured, table
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from training.config import PRESETS
from training.samples import training_part
from training.stages import Training


def test_information_of_gaussian_scores_is_the_integral():
    """Signal N(1, 1) and background N(-1, 1) of 100 and 10,000 events: slices lose little of s^2 / (mu s + b)."""
    random = np.random.default_rng(1)
    size = 400_000
    signal = np.arange(size) % 2 == 1
    scores = random.normal(np.where(signal, 1, -1))
    weights = np.where(signal, 100.0, 10_000.0) / (size / 2)
    x = np.linspace(-8, 8, 20_001)
    s, b = (total * np.exp(-((x - middle) ** 2) / 2) / np.sqrt(2 * np.pi) for total, middle in ((100, 1), (10_000, -1)))
    exact = [np.trapezoid(s**2 / (mu * s + b), x) for mu in trainings.MUS]
    events = trainings.ScoredEvents(np.zeros(size, int), signal, weights, [scores, random.permutation(scores)])
    found, shuffled = (4 / np.square(widths) for widths in events.widths())
    assert found == pytest.approx(exact, rel=0.08)
    assert shuffled[1] < 0.7 * exact[1]


def _row(rows, length, members=1, flows=0):
    single = [[length + 0.01 * number] * 4 for number in range(members)]
    return Row(f"run-{rows}", flows, rows, 2, members, single, [length] * 4)


def test_the_limit_of_the_learning_curve_is_found():
    rows = [_row(n * 100_000, 0.3 + 0.1 * (n / 10) ** -0.5) for n in (1, 4, 16, 64)]
    curve = learning_curve([*rows, _row(1_000_000, 0.9, flows=2)])
    assert curve["limit"] == pytest.approx(0.3, abs=1e-3)
    assert curve["power"] == pytest.approx(0.5, abs=0.02)
    assert "limit of infinitely many is 0.300" in trainings._sentence(curve)
    assert "do not say where the limit" in trainings._sentence(curve | {"error": 0.2})
    assert learning_curve(rows[:3]) == {}


def test_the_table_has_the_scatter_of_repetitions():
    text = table([_row(1000, 0.3, members=3), _row(2000, 0.25)]).markdown()
    assert "0.3100 ± 0.0058" in text
    assert "| 0.2500 |" in text


def test_a_number_of_events_that_counts_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["trainings", "DIR", "--events", "-1"])
    assert "-1 is less than 1" in capsys.readouterr().err


def test_a_training_is_measured_with_its_members(simulated_folder, tmp_path):
    source = OfficialFolder(simulated_folder)
    config = PRESETS["smoke"]
    config = dataclasses.replace(config, networks=dataclasses.replace(config.networks, flows=None, rows=4000))
    training = Training(config, source, tmp_path / "small")
    for stage in ("flows", "classifier"):
        training.run(stage)
    row = measured(tmp_path / "small", training_part(source, "templates").with_jets())
    assert (row.flows, row.rows, row.members, len(row.single)) == (0, 4000, 2, 2)
    assert all(np.diff(row.ensemble) > 0)
    with pytest.raises(ChallengeError, match="run the stage classifier in that folder"):
        measured(tmp_path, training_part(source, "templates"))


def test_a_training_of_another_method_is_read(simulated_folder, tmp_path):
    """In a process of its own, which has imported nothing else."""
    config = PRESETS["smoke"]
    config = dataclasses.replace(config, networks=dataclasses.replace(config.networks, rows=4000))
    training = METHODS["log-ratio"].training(config, OfficialFolder(simulated_folder), tmp_path / "log-ratio")
    for stage in ("flows", "classifier"):
        training.run(stage)
    code = (
        "from pathlib import Path; from experiments import trainings\n"
        "from ingestion_test.sources import OfficialFolder; from training.samples import training_part\n"
        f"sample = training_part(OfficialFolder({str(simulated_folder)!r}), 'templates', 4000).with_jets()\n"
        f"print(trainings.measured(Path({str(tmp_path / 'log-ratio')!r}), sample))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Row(name='log-ratio', flows=2, rows=4000"), done.stderr
