"""The pulls that mle-nu fits: the table, and what is no training of it."""

from experiments import pulls
from experiments.__main__ import main


def test_the_table_has_mean_error_and_spread():
    result = {"experiments": 100, "pull_mean": {"tes": 0.3}, "pull_rms": {"tes": 0.5}}
    text = pulls.table(result).markdown()
    assert "| tes | +0.30 ± 0.04 | 0.40 |" in text
    assert "100 pseudo-experiments" in text


def test_a_folder_without_the_training_is_named(tmp_path, capsys):
    assert main(["pulls", "--training", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "--training takes the training of mle-nu" in capsys.readouterr().err
