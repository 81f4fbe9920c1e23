"""The paper's Table 2: `python -m experiments table2`. All methods on the same pseudo-experiments, through one door."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.methods.preparation import belt_error_of, code_checksum, likelihood_of, prepare
from experiments.methods.registry import METHODS
from experiments.outputs import AS_SHIPPED, agrees, claim, kept_rows, require_no_loss, some_of
from experiments.trained_artifacts import load_estimator, load_manifest
from ingestion_test import fits, simulation
from ingestion_test.cli import Bar
from ingestion_test.ingestion import JOURNAL_FILE, RunSettings, finished_work
from ingestion_test.ingestion import run as ingest
from ingestion_test.pseudo_experiments import PseudoExperiment, plan
from ingestion_test.result_files import load_predictions
from ingestion_test.run_scoring import score_folder
from ingestion_test.sources import OfficialFolder
from runtime import files
from runtime.arguments import add_workers_arguments, count
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.output import finished_stages, output_folder
from submission.arrays import FloatArray
from submission.likelihood import Likelihood
from submission.tables import TABLES
from training.config import simulated_source
from training.devices import usable_device

from . import figures
from .rows import bound, relative, row, sections, table

SUMMARY = "score, interval, coverage, RMSE and runtime of all methods (paper, Tab. 2)"

#: Seed of the pseudo-experiments, used nowhere else: what was tuned on others is judged on these.
SEED = 250508709

#: By the preset of the table: preset of the trainings' sample, values of mu, pseudo-experiments of each, and size and
#: seed of the simulated sample that these take their events from; no training reads it.
PRESETS: dict[str, tuple[str, int, int, tuple[str | int, int]]] = {
    "full": ("default", 10, 100, (16_000_000, 2)),
    "smoke": ("smoke", 2, 3, ("small", 2)),
}

#: Method whose intervals those of the others are compared with.
_REFERENCE = "default"

#: What the page shows or names.
_FILES = ("table2.json", "table2-intervals.png", "table2-coverage.png")

SETTINGS_FILE, ROW_FILE = "table2_settings.json", "row.json"


@dataclasses.dataclass(frozen=True)
class FirstOfRun(RunSettings):
    """The first pseudo-experiments of each set of a longer run: the same mu, seeds and events.

    Arguments:
        whole: pseudo-experiments that each set of the longer run has.
    """

    whole: int = 0

    def plan(self) -> list[PseudoExperiment]:
        """The pseudo-experiments, in the order of the whole run."""
        return [item for item in plan(self.num_sets, self.whole, self.seed) if item.index < self.num_experiments]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--preset", choices=PRESETS, default="full", help="size of the trainings and of the runs (default: full)")
    names, some = tuple(METHODS), some_of("method", METHODS)
    help = f"of {', '.join(names)}: default all, or none beside --submission"
    add("--methods", type=some, default=(), metavar="A,B", help=help)
    add(
        "--submission",
        type=_named_submission,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a submission of your own, folder or zip, as a further row; may be given several times",
    )
    add(
        "--trained",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="artifacts that were trained elsewhere, for the methods that have their networks and templates",
    )
    add_workers_arguments(parser)
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where networks are trained (default cpu)")
    add("--data", metavar="DIR", help="folder in the official format (default: simulated events, made on first use)")
    add("--output", type=Path, metavar="DIR", help="folder of the results (default: runs/table2-PRESET)")
    add("--resume", action="store_true", help="keep what is there and go on, or add methods")
    add("--sets", type=count, metavar="N", help="true values of mu (default: 10; smoke: 2)")
    add(
        "--experiments",
        type=count,
        metavar="N",
        help="pseudo-experiments of each (default: 100; smoke: 3)",
    )
    add_docs_argument(parser)


def _named_submission(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not re.fullmatch(r"[\w-]+", name) or name in METHODS or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR, with a NAME of letters that no method has")
    return name, Path(path)


def run(arguments: argparse.Namespace) -> None:
    """Train what is not trained, run each method, and write the table anew after each."""
    usable_device(arguments.device)
    training, sets, experiments, sample = PRESETS[arguments.preset]
    scored = OfficialFolder(arguments.data or simulation.cached_folder(*sample))
    source = functools.cache(lambda: OfficialFolder(arguments.data) if arguments.data else simulated_source(training))
    output = arguments.output or Path("runs") / f"table2-{arguments.preset}"
    whole = max(experiments, arguments.experiments or 0)
    about = {"preset": arguments.preset, "data": scored.fingerprint(), "seed": SEED, "experiments": whole}
    submissions = dict(arguments.submission)
    if len(submissions) < len(arguments.submission):
        raise ChallengeError("--submission is given twice with the same NAME: name each row differently")
    for path in submissions.values():
        if not path.exists():
            raise ChallengeError(f"no such submission: {path}; --submission takes NAME=DIR, a folder or a zip")
    for folder in arguments.trained:
        load_estimator(folder, "--trained")
    names = arguments.methods or (() if submissions else tuple(METHODS))
    with output_folder(output, _finished):
        claim(output / SETTINGS_FILE, about, arguments.resume)
        for name in (*names, *submissions):
            settings = FirstOfRun(
                num_sets=arguments.sets or sets,
                num_experiments=arguments.experiments or experiments,
                seed=SEED,
                whole=whole,
            )
            if name in METHODS:
                (output / name).mkdir(exist_ok=True)
                claim(output / name / SETTINGS_FILE, _claimed(name, arguments.preset), resume=True)
                print(f"== {name}: {METHODS[name].label}", flush=True)
                sources, machine = (source, scored), {"device": arguments.device, "workers": arguments.workers}
                origin = {"own_sample": not arguments.data, "trained": arguments.trained}
                run_method(name, arguments.preset, settings, sources, output, **machine, **origin)
            else:
                print(f"== {name}: {submissions[name]}", flush=True)
                measure(submissions[name], str(submissions[name]), settings, scored, output / name, arguments.workers)
            rows = write_table(output, about)
    comparison = table(rows)
    print(comparison.text())
    print(f"table and figures: {output}")
    if arguments.docs:
        result = {"settings": about, "methods": rows}
        require_no_loss(arguments.docs / "results" / _FILES[0], "methods", result)
        publish(arguments.docs, "results", sections(result), [output / name for name in _FILES])


def _finished(output: Path) -> list[object]:
    """What of the comparison is done: stages of trainings, throws of belts, and pseudo-experiments."""
    made = (finished_stages(folder) for name in ("training", "throws") for folder in sorted(output.glob(f"*/{name}")))
    runs = (finished_work(journal.parent) for journal in sorted(output.glob(f"*/{JOURNAL_FILE}")))
    return [*itertools.chain(*made), *itertools.chain(*runs)]


def run_method(
    name: str,
    preset: str,
    settings: FirstOfRun,
    sources: tuple[Callable[[], OfficialFolder], OfficialFolder],
    output: Path,
    device: str = "cpu",
    workers: int | str = 1,
    own_sample: bool = False,
    trained: Sequence[Path] = (),
) -> dict[str, Any]:
    """Train a method, let it predict the pseudo-experiments, score it, and keep its row of the table.

    Arguments:
        name: in `methods.METHODS`.
        preset: "full" or "smoke".
        settings: `FirstOfRun`.
        sources: function that returns that of the trainings, and the `sources.OfficialFolder` of the
            pseudo-experiments.
        output: folder of the comparison.
        device, workers, own_sample, trained: as for `methods.prepare`.

    Returns:
        the row, as `row`.
    """
    source, scored = sources
    submission = prepare(name, preset, source, output, device, workers, own_sample, trained)
    made = likelihood_of(name, submission), belt_error_of(name, submission)
    return measure(submission, METHODS[name].label, settings, scored, output / name, workers, *made)


def measure(
    submission: Path,
    label: str,
    settings: FirstOfRun,
    source: OfficialFolder,
    folder: Path,
    workers: int | str = 1,
    likelihood: Likelihood | None = None,
    belt_error: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Let a submission predict the pseudo-experiments, score it, and keep its row of the table.

    Arguments:
        submission: folder or zip.
        label: in table and figures.
        settings, workers: as for `run_method`.
        source: of the pseudo-experiments.
        folder: of its results.
        likelihood: whose bound the row shows.
        belt_error: as for `row`.

    Returns:
        the row, as `row`.

    Raises:
        ChallengeError: the submission's fit has made other tables than those of its artifacts, whose row this is.
    """
    with Bar() as bar:
        outcomes = ingest(settings, source, submission, folder, workers, resume=True, progress=bar)
    seconds = [round(outcome.cpu_predict, 4) for outcome in outcomes]  # as a continued run finds them
    print(score_folder(folder, folder, settings={"Submission": label, "Events": source, "Seed": settings.seed}))
    if likelihood is not None:
        _require_own_tables(folder)
    predictions = load_predictions(folder)
    mus = predictions.settings["ground_truth_mus"]
    numbers = row(mus, predictions.results, seconds, belt_error)
    method_row = {"label": label} | numbers | {"cramer_rao": bound(likelihood, mus)}
    files.write_json(folder / ROW_FILE, method_row)
    return method_row


def _require_own_tables(folder: Path) -> None:
    tables = fits.summary(folder).get(TABLES, AS_SHIPPED)
    if not tables.startswith(AS_SHIPPED):
        raise ChallengeError(
            f"{folder}: these events do not agree with the tables of the method, and its fit has made others "
            f"({tables}), so this would be no row of the method: train it on the events that are scored (--data)"
        )


def write_table(output: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write table2.json, results.md and the figures from the rows of all methods that have one; returns the rows.

    Rows of methods whose code has changed since are left out, and named.
    """
    others = sorted(path.parent.name for path in output.glob(f"*/{ROW_FILE}") if path.parent.name not in METHODS)
    rows = kept_rows(output, (*METHODS, *others), ROW_FILE)
    rows = {name: row for name, row in rows.items() if _is_present(output / name, name, row, about["preset"])}
    _compare(output, rows)
    ours = output / _REFERENCE / "submission" / "submission" / "artifacts"
    shipped = load_manifest(ours)["sha256"] if ours.exists() else None
    files.write_json(output / "table2.json", {"shipped": shipped, "settings": about, "methods": rows})
    with files.replaced(output / "results.md") as file:
        file.write(table(rows).markdown())
    figures.intervals(output / "table2-intervals.png", rows)
    figures.coverage(output / "table2-coverage.png", rows)
    return rows


def _is_present(folder: Path, name: str, row: Mapping[str, Any], preset: str) -> bool:
    """Whether a row is of the present code and configuration of its method; says so if not."""
    if "belt_error" not in row:
        reason, remedy = "made by an earlier version", f"--methods {name} --resume makes it anew"
    elif name in METHODS and not agrees(folder / SETTINGS_FILE, _claimed(name, preset)):
        reason, remedy = "of other code or another configuration", f"to run it again remove {folder}"
    else:
        return True
    print(f"{name}: the row is {reason}, and left out;\n    {remedy}")
    return False


def _claimed(name: str, preset: str) -> dict[str, str]:
    """What the results of a method depend on besides the events."""
    return {"code": code_checksum(name, preset)}


def _compare(output: Path, rows: Mapping[str, dict[str, Any]]) -> None:
    """Add to the rows of all methods with the same data sets as the first one how long their intervals are to its."""
    if _REFERENCE not in rows:
        return
    reference, (ours, lengths) = rows[_REFERENCE], _lengths(output / _REFERENCE)
    for name, other in rows.items():
        settings, widths = _lengths(output / name)
        if name != _REFERENCE and settings == ours:
            other["relative"] = relative(other, reference, widths, lengths)


def _lengths(folder: Path) -> tuple[Any, FloatArray]:
    """What data sets a run has had, and the lengths of its intervals, array (sets, pseudo-experiments)."""
    predictions = load_predictions(folder)
    widths = [np.subtract(result["p84"], result["p16"]) for result in predictions.results]
    return predictions.settings, np.array(widths)
