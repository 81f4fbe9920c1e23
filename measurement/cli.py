"""Command line of one measurement: `python -m measurement explain`."""

from __future__ import annotations

import argparse
import functools
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ingestion_test import simulation
from ingestion_test.cli import systematics
from ingestion_test.ingestion import DEFAULT_SEED, JOURNAL_FILE, RunSettings
from ingestion_test.journal import read_journal
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import experiment_test_set
from ingestion_test.sources import OfficialFolder
from runtime.arguments import count, seed
from runtime.errors import ChallengeError, run_command
from runtime.output import output_folder
from runtime.progress import followed
from runtime.tables import Table

from .data_sets import DataSet, Measure, expected_counts, experiment, measured_by, of_events, read_events
from .explanation import explain
from .finite_sample import fit_sample
from .page import summary, write_page
from .quality import Quality, qualities, require_twice_nll, residuals


def main(arguments: Sequence[str] | None = None, program: str = "python -m measurement") -> int:
    """The command line; returns the exit code: 0, 2 for what the user can mend, 130 if interrupted."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="One measurement, shown as physicists show it.",
        epilog=f"example: {program} explain 2:5",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_explain(commands, program)
    _add_quality(commands, program)
    return run_command(parser.parse_args(arguments), program, arguments)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> None:
    parser = commands.add_parser(
        "explain",
        help="a page about one measurement",
        description="Measure one data set with a submission, and write a page about it: fit, nuisance parameters, "
        "likelihood, belt and interval.",
        epilog=f"example: {program} explain 2:5 --run runs/long --output runs/explained",
    )
    add = parser.add_argument
    add("what", metavar="SET:INDEX|FILE", help="a pseudo-experiment, or a .parquet or .csv file of events")
    add("--output", type=Path, metavar="DIR", help="folder for page, figures and numbers (default: runs/explain-...)")
    add("--submission", metavar="PATH", help="folder or zip with model.py (default: this project's own)")
    add("--data", metavar="DIR", help="folder in the official format (default: simulated events, made on first use)")
    add("--run", type=Path, metavar="DIR", help="output folder of a score whose pseudo-experiment it is")
    add(
        "--sets",
        type=count,
        default=10,
        metavar="N",
        help="true values of mu of the run, if without --run (default 10)",
    )
    add(
        "--experiments", type=count, default=10, metavar="N", help="pseudo-experiments of each of its sets (default 10)"
    )
    add(
        "--systematics",
        type=systematics,
        default=NUISANCE_NAMES,
        metavar="all|none|LIST",
        help="nuisance parameters that vary in it, comma-separated (default all)",
    )
    add("--seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"seed of the run (default {DEFAULT_SEED})")
    parser.set_defaults(command=_explain)


def _add_quality(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> None:
    parser = commands.add_parser(
        "quality",
        help="goodness of fit of the pseudo-experiments of a run, beside that of throws",
        description="Compare goodness of fit and fitted pulls of a run's pseudo-experiments with what throws from the "
        "templates give, and with what the finite sample of test events makes one expect.",
        epilog=f"example: {program} quality runs/long",
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="output folder of score")
    add("--submission", metavar="PATH", help="the submission of the run (default: this project's own)")
    add("--data", metavar="DIR", help="the events of the run (default: simulated events, made on first use)")
    add(
        "--most",
        type=count,
        default=20,
        metavar="N",
        help="pseudo-experiments that are looked at, at the most (default 20); each passes all test events twice",
    )
    parser.set_defaults(command=_quality)


def _quality(flags: argparse.Namespace) -> None:
    source = OfficialFolder(flags.data or simulation.cached_folder())
    settings = settings_of(flags.run, source)
    _, done = read_journal(flags.run / JOURNAL_FILE)
    outcomes = done[:: -(-len(done) // flags.most) or 1]
    require_twice_nll(outcomes)
    events, samples = source.test_events(), []
    with tempfile.TemporaryDirectory() as work, measured_by(flags.submission, source, Path(work)) as measure:
        measurement = measure(experiment_test_set(events, outcomes[0].experiment, settings.systematics))
        for outcome in followed(outcomes, len(outcomes), "finite sample", "pseudo-experiment"):
            nuisance = draw_nuisance_parameters(outcome.experiment.seed, settings.systematics)
            counts = expected_counts(measure, measurement, events, outcome.experiment.mu, nuisance)
            if counts is None:
                raise ChallengeError("the bins of this submission depend on the data: its sample cannot be counted")
            samples.append(fit_sample(measurement.likelihood, counts))
    known = measurement.likelihood, outcomes, settings.systematics, samples
    heads = ["-2 ln L of", "number", "mean", "deviation", "p-value"]
    print(Table(heads, [_quality_cells(row) for row in qualities(*known)]).text())
    heads = ["(fitted - true) / error", "mean of the run", "expected of its sample"]
    rows = [[row.name, f"{row.mean:+.2f} ± {row.error:.2f}", f"{row.expected:+.2f}"] for row in residuals(*known)]
    if rows:
        print()
        print(Table(heads, rows).text())


def _quality_cells(row: Quality) -> list[str]:
    mean = f"{row.mean:.1f} ± {row.deviation / row.number**0.5:.1f}"
    return [
        row.source,
        str(row.number),
        mean,
        f"{row.deviation:.1f}",
        "" if row.p_value is None else f"{row.p_value:.2g}",
    ]


def _explain(flags: argparse.Namespace) -> None:
    place = re.fullmatch(r"(\d+):(\d+)", flags.what)
    source = OfficialFolder(flags.data or simulation.cached_folder())
    settings = RunSettings(flags.sets, flags.experiments, flags.systematics, flags.seed)
    if flags.run is not None:
        settings = settings_of(flags.run, source)
    asked: Callable[[Measure], DataSet]  # looked at before the submission is fitted
    if place is None:
        data, weights = read_events(Path(flags.what))
        asked = functools.partial(of_events, name=flags.what, data=data, weights=weights)
    else:
        chosen = settings.experiment(int(place[1]), int(place[2]))
        asked = functools.partial(experiment, source=source, settings=settings, chosen=chosen)
    output = flags.output or Path("runs") / f"explain-{re.sub(r'[^a-zA-Z0-9_.-]', '-', Path(flags.what).name)}"
    with output_folder(output, work=None), tempfile.TemporaryDirectory() as work:
        with measured_by(flags.submission, source, Path(work)) as measure:
            data_set = asked(measure)
        explanation = explain(data_set.measurement, data_set.title, data_set.truth, data_set.sample)
        page = write_page(output, explanation)
    print(summary(explanation))
    print(f"page        {page}")


def settings_of(run: Path, source: OfficialFolder) -> RunSettings:
    """The settings of the run in the folder `run`, whose events must be those of `source`.

    Raises:
        ChallengeError: there is no run, or its events are others.
    """
    about, _ = read_journal(run / JOURNAL_FILE)
    try:
        settings = RunSettings(about["sets"], about["experiments"], tuple(about["systematics"]), about["seed"])
    except (KeyError, TypeError) as error:
        raise ChallengeError(
            f"{run} does not say which run it is ({error!r}): --run takes a folder of score"
        ) from error
    if about.get("data") != source.fingerprint():
        raise ChallengeError(f"the events of {run} are not those of {source}: give the folder of its events as --data")
    return settings
