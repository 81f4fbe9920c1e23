"""Score the output folder of an ingestion: drop-in for the official script of this name."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":
    # Run as a script: what is imported is the package, from the project root, not its modules from this folder.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ingestion_test import fits
from ingestion_test.arrays import DoubleArray
from ingestion_test.fit_quality import Distribution, distributions
from ingestion_test.ingestion import JOURNAL_FILE
from ingestion_test.jobs import Outcome
from ingestion_test.journal import read_journal
from ingestion_test.official_folders import Folder, add_folders, chosen_folders
from ingestion_test.provenance import provenance
from ingestion_test.report import write_report
from ingestion_test.result_files import Predictions, load_predictions, write_scores
from ingestion_test.score_table import summary_table
from ingestion_test.scoring import Scores, bootstrap, score_sets
from ingestion_test.true_nuisance import errors_against_truth, true_values
from runtime.errors import ChallengeError, run_command

__all__ = ["main", "parser"]


def score_folder(
    prediction: str | os.PathLike[str],
    output: str | os.PathLike[str],
    phase_2: bool = False,
    settings: Mapping[str, object] | None = None,
    seconds_per_experiment: float | None = None,
    reference: str | os.PathLike[str] | None = None,
) -> str:
    """Score what an ingestion wrote and write `scores.json` and `detailed_results.html`.

    Arguments:
        prediction: output folder of the ingestion.
        output: folder for the two files, made if it is not there; may be the same one.
        phase_2: whether to add the bootstraps of the final phase.
        settings: dict of texts for the report, beside those that are in the `test_settings.json`.
        seconds_per_experiment: seconds for one pseudo-experiment, where known.
        reference: as for `load_predictions`.

    Returns:
        the summary as plain text, the warnings first.

    Raises:
        ChallengeError: the folder's files are not as they should be, or `output` cannot be written.
    """
    predictions, prediction = load_predictions(prediction, reference), Path(prediction)
    systematics, outcomes = _pseudo_experiments(prediction)
    scores = score_sets(predictions.settings["ground_truth_mus"], predictions.results)
    bootstraps = bootstrap(scores) if phase_2 else None
    output = Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        write_scores(output / "scores.json", scores, predictions.ingestion_duration, bootstraps)
        write_report(
            output / "detailed_results.html",
            scores,
            bootstraps,
            {**_describe(predictions), **(settings or {}), **fits.summary(prediction), **provenance(prediction)},
            seconds_per_experiment,
            predictions.warnings,
            further_sections(outcomes, systematics),
            _true_nuisance(outcomes, systematics, scores),
        )
    except OSError as error:
        remedy = "give a folder that can" if error.errno != errno.EFBIG else "raise the limit on files (ulimit -f)"
        raise ChallengeError(f"{output} cannot be written ({error.strerror}): {remedy}") from error
    warnings = [f"warning: {text}" for text in (*scores.warnings, *predictions.warnings)]
    return "\n".join([*warnings, summary_table(scores, seconds_per_experiment, bootstraps)])


def _pseudo_experiments(prediction: Path) -> tuple[tuple[str, ...], list[Outcome]]:
    """The nuisance parameters that vary in a run, and its pseudo-experiments in order; none of an official run."""
    journal = prediction / JOURNAL_FILE
    if not journal.is_file():
        return (), []
    about, outcomes = read_journal(journal)
    outcomes.sort(key=lambda outcome: (outcome.experiment.set_index, outcome.experiment.index))
    return tuple(about.get("systematics", ())), outcomes


def _true_nuisance(
    outcomes: Sequence[Outcome], systematics: Sequence[str], scores: Scores
) -> list[dict[str, DoubleArray]]:
    """The true nuisance parameters of each set; none where the journal has others than the results."""
    values = true_values(outcomes, systematics) if systematics else []
    sizes = [len(next(iter(of_set.values()))) for of_set in values]
    return values if sizes == [score.size for score in scores.sets] else []


def further_sections(outcomes: Sequence[Outcome], systematics: Sequence[str]) -> dict[str, list[Distribution]]:
    """Sections of the report from what a run knows of its pseudo-experiments beyond the four numbers: its plots."""
    return {
        "Against the true nuisance parameters": errors_against_truth(outcomes, systematics),
        "Fit quality": distributions(outcomes, systematics),
    }


def _describe(predictions: Predictions) -> dict[str, str]:
    flags = predictions.settings.get("systematics")
    minutes = predictions.ingestion_duration  # whole ones, as the official program counts them
    texts = {"Ingestion": f"{minutes:g} min" if minutes else "less than a minute"}
    if isinstance(flags, dict):
        texts["Systematics"] = ", ".join(name for name, on in flags.items() if on) or "none"
    return texts


_PROGRAM = "python ingestion_test/run_scoring.py"

_FOLDERS = {
    "prediction": Folder("sample_result_submission", "/app/input/res", "output folder of the ingestion"),
    "output": Folder("scoring_output", "/app/output", "folder for scores.json and the HTML report"),
    "reference": Folder(
        "reference_data",
        "/app/input/ref",
        "folder whose settings/data.json stands for a missing test_settings.json",
    ),
}

# Source of the flags: docs/protocol.md#command-lines.
parser = argparse.ArgumentParser(
    prog=_PROGRAM, description=__doc__, epilog=f"example: {_PROGRAM} --prediction OUT --output OUT --phase-2"
)
add_folders(parser, _FOLDERS)
parser.add_argument("--phase-2", action="store_true", help="add the bootstraps of the final phase")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    flags = parser.parse_args(arguments)
    flags.command = _score
    return run_command(flags, _PROGRAM, arguments)


def _score(flags: argparse.Namespace) -> None:
    folders = chosen_folders(flags, _FOLDERS)
    print(score_folder(folders["prediction"], folders["output"], flags.phase_2, reference=folders["reference"]))
    print(Path(folders["output"]) / "detailed_results.html")


if __name__ == "__main__":
    sys.exit(main())
