"""Command lines: our own and the official program's."""

import json
import subprocess
import sys

import pytest

from ingestion_test.cli import main
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.submissions import PROJECT
from tests.submissions import COMPLETE, write


def _script(name, *flags, cwd):
    command = [sys.executable, str(PROJECT / "ingestion_test" / name), *map(str, flags)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("parallel", [(), ("--parallel",)])
def test_official_scripts(parallel, tmp_path, data_folder):
    """As the official program is called, from any folder; a second run replaces the first."""
    folder = write(tmp_path / "submission", COMPLETE)
    flags = ["--input", data_folder, "--output", tmp_path / "out", "--submission", folder]
    flags += ["--systematics-tes", "--systematics-soft-met", "--num-pseudo-experiments", 2, "--num-of-sets", 1]
    for seed in (1, 2):
        result = _script("run_ingestion.py", *flags, "--random-seed", seed, *parallel, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    settings = json.loads((tmp_path / "out" / "test_settings.json").read_text())
    assert settings["systematics"] == {name: name in ("tes", "soft_met") for name in NUISANCE_NAMES}
    result = _script(
        "run_scoring.py", "--prediction", tmp_path / "out", "--output", tmp_path / "scored", "--phase-2", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    ours = ["score", "--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "ours")]
    ours += ["--systematics", "tes,soft_met", "--sets", "1", "--experiments", "2", "--seed", "2", "--workers", "1"]
    assert main([*ours, "--phase-2"]) == 0
    for name in ("result_0.json", "test_settings.json"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert (tmp_path / "ours" / "scores.json").read_bytes() == (tmp_path / "scored" / "scores.json").read_bytes()


def test_score_shows_table_and_report(tmp_path, data_folder, capsys):
    folder = write(tmp_path / "submission", COMPLETE)
    flags = ["--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "out")]
    assert main(["score", *flags, "--sets", "1", "--experiments", "2", "--systematics", "none"]) == 0
    shown = capsys.readouterr()
    table = shown.out[shown.out.index("RMSE") :].splitlines()
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert f"{scores['interval']:.4f}" in table[1]
    assert str(tmp_path / "out" / "detailed_results.html") in table[-1]
    assert "2/2" in shown.err
    assert "coverage" in shown.err
    assert max(map(len, shown.out.splitlines())) <= 200


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["score", "--sets", "0"], "0 is less than 1"),
        (["score", "--systematics", "tes,foo"], "no nuisance parameter foo: all, none, or some of tes,jes"),
        (["score", "--only", "3"], "'3' is not SET:INDEX"),
        (["score", "--seed", "-1"], "-1 is not between 0 and"),
        (["score", "--workers", "two"], "'two' is not a whole number"),
        (["nonsense"], "invalid choice"),
    ],
)
def test_wrong_flags(flags, text, capsys):
    with pytest.raises(SystemExit) as error:
        main(flags)
    assert error.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--data", "nowhere"], "error: no such folder"),
        (["--data", "DATA", "--submission", "nowhere"], "error: no such submission"),
        (["--data", "DATA", "--resume"], "error: --resume needs --output"),
    ],
)
def test_what_the_user_can_mend_is_one_line(flags, text, data_folder, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["score", *(str(data_folder) if flag == "DATA" else flag for flag in flags)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(text)
    assert error.count("\n") == 1
