"""`python -m measurement explain`, from a data set to the page."""

import json

import pytest

from ingestion_test.cli import main as challenge
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.schema import FEATURES
from measurement.cli import main
from measurement.quality import sections
from runtime.documents import section
from tests.submissions import good, predicting, write


@pytest.mark.slow
def test_a_pseudo_experiment_of_a_run_and_its_events(simulated_folder, tmp_path, capsys, monkeypatch):
    """The page says what the run's journal says, and so does the table of its goodness of fit."""
    monkeypatch.setenv("HIGGSML_FIT_MINUTES", "0")
    run, out = tmp_path / "run", tmp_path / "out"
    flags = ["--data", str(simulated_folder)]
    assert (
        challenge(["score", *flags, "--sets", "1", "--experiments", "1", "--workers", "1", "--output", str(run)]) == 0
    )
    line = json.loads((run / "pseudo_experiments.jsonl").read_text().splitlines()[1])
    assert main(["explain", "0:0", *flags, "--run", str(run), "--output", str(out)]) == 0
    assert "measurement.html" in capsys.readouterr().out
    content = json.loads((out / "measurement.json").read_text())
    estimate = content["estimate"]
    assert estimate["p16"] == line["p16"]
    assert estimate["twice_nll"] == line["further"]["twice_nll"]
    assert content["truth"]["mu"] == line["mu"]
    for name, (pull, error) in estimate["pulls"].items():
        assert (pull, error) == (line["further"][f"pull_{name}"], line["further"][f"pull_error_{name}"])

    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "explain.md").write_text("<!-- quality -->\n<!-- /quality -->\n")
    assert main(["quality", *flags, str(run), "--docs", str(docs)]) == 0
    shown = capsys.readouterr().out
    (reached,) = [row for row in shown.splitlines() if row.startswith("pseudo-experiments of events")]
    assert f"{estimate['twice_nll']:.1f}" in reached
    assert "draws from the finite sample" in shown
    assert [row.split()[0] for row in shown.splitlines()[-6:]] == list(NUISANCE_NAMES)
    written = json.loads((docs / "explain" / "quality.json").read_text())
    assert section(docs / "explain.md", "quality") == sections(written)["quality"]
    (docs / "explain" / "quality.json").write_text(json.dumps(written | {"7": written[next(iter(written))]}))
    assert main(["quality", *flags, str(run)]) == 2
    assert "continue it with --resume" in capsys.readouterr().err
    monkeypatch.setattr("measurement.cli.expected_counts", None)  # what is counted is not counted again
    assert main(["quality", *flags, str(run), "--docs", str(docs), "--resume"]) == 0
    assert capsys.readouterr().out == shown
    assert "Goodness of fit, 7 test events" in section(docs / "explain.md", "quality"), "other samples stay"

    line["further"]["twice_nll"] *= 1.1
    about = (run / "pseudo_experiments.jsonl").read_text().splitlines()[0]
    (run / "pseudo_experiments.jsonl").write_text(f"{about}\n{json.dumps(line)}\n")
    assert main(["quality", *flags, str(run), "--output", str(tmp_path / "other")]) == 2
    assert "the run of another submission" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_of_events(events, data_folder, tmp_path):
    frame = events[[name for name in FEATURES if name in events]]
    frame.to_parquet(tmp_path / "mine.parquet")
    out = tmp_path / "out"
    assert main(["explain", str(tmp_path / "mine.parquet"), "--data", str(data_folder), "--output", str(out)]) == 0
    content = json.loads((out / "measurement.json").read_text())
    assert "3,000 events of" in content["title"]
    assert sum(sum(channel["data"]) for channel in content["channels"]) == len(frame)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["9:9"], "no pseudo-experiment 9:9"),
        (["nowhere.csv"], "nowhere.csv cannot be read"),
        (["0:0", "--run", "nowhere"], "nowhere/pseudo_experiments.jsonl is no journal of a run"),
        (["0:0"], "the submission's Model has no method measurement"),
    ],
)
def test_what_cannot_be_explained_is_said(arguments, text, data_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "submission", predicting(good()))
    flags = ["--data", str(data_folder), "--submission", str(folder), "--sets", "1", "--experiments", "1"]
    assert main(["explain", *arguments, *flags]) == 2
    assert text in capsys.readouterr().err


def test_a_run_of_other_events_is_refused(data_folder, tmp_path, capsys):
    about = {"sets": 1, "experiments": 1, "systematics": [], "seed": 5, "data": "others"}
    (tmp_path / "pseudo_experiments.jsonl").write_text(json.dumps(about) + "\n")
    flags = ["--data", str(data_folder), "--run", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main(["explain", "0:0", *flags]) == 2
    assert "are not those of" in capsys.readouterr().err
