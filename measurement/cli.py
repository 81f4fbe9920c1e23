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
from ingestion_test.jobs import Outcome
from ingestion_test.journal import read_journal
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import experiment_test_set
from ingestion_test.sources import OfficialFolder
from runtime.arguments import count, seed
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError, run_command
from runtime.files import read_json, write_json
from runtime.output import output_folder
from runtime.progress import followed
from submission.likelihood import Likelihood

from .data_sets import DataSet, Measure, expected_counts, experiment, measured_by, of_events, read_events
from .explanation import explain
from .finite_sample import fit_sample
from .page import summary, write_page
from .quality import require_same_submission, require_twice_nll, result, sections, tables
from .sample_counts import SampleCounts, finished_counts

#: Page in docs/ and file beside it that `quality` fills.
PAGE, RESULT_FILE = "explain", "quality.json"


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
    add("--output", type=Path, metavar="DIR", help="folder for quality.json and what is counted (default: RUN/quality)")
    add("--resume", action="store_true", help="go on in that folder, with what is counted there")
    add(
        "--most",
        type=count,
        default=20,
        metavar="N",
        help="pseudo-experiments that are looked at, at the most (default 20); each passes all test events twice",
    )
    add_docs_argument(parser)
    parser.set_defaults(command=_quality)


def _quality(flags: argparse.Namespace) -> None:
    source = OfficialFolder(flags.data or simulation.cached_folder())
    settings = settings_of(flags.run, source)
    about, done = read_journal(flags.run / JOURNAL_FILE)
    outcomes = done[:: -(-len(done) // flags.most) or 1]
    require_twice_nll(outcomes)
    output = flags.output or flags.run / "quality"
    with output_folder(output, finished_counts):
        counts = SampleCounts(output, about, flags.resume)
        likelihood = _count_samples(flags.submission, source, settings, outcomes, counts)
        samples = [fit_sample(likelihood, counts[outcome.experiment]) for outcome in outcomes]
        content = {str(source.test_rows): result(likelihood, outcomes, settings.systematics, samples)}
        print("\n\n".join(table.text() for table in tables(content)))
        if flags.docs is not None and (flags.docs / PAGE / RESULT_FILE).exists():
            content = read_json(flags.docs / PAGE / RESULT_FILE) | content  # with the other samples of the page
        write_json(output / RESULT_FILE, content)
    publish(flags.docs, PAGE, sections(content), [output / RESULT_FILE])


def _count_samples(
    submission: str | None,
    source: OfficialFolder,
    settings: RunSettings,
    outcomes: Sequence[Outcome],
    counts: SampleCounts,
) -> Likelihood:
    """Add what the sample expects at the parameters of `outcomes` to `counts`; the likelihood of the submission."""
    events, first = source.test_events(), outcomes[0]
    with (
        tempfile.TemporaryDirectory() as work,
        measured_by(submission, source, Path(work), settings.fit_minutes) as measure,
    ):
        measurement = measure(experiment_test_set(events, first.experiment, settings.systematics))
        require_same_submission(measurement, first)
        for experiment in followed(
            (each.experiment for each in outcomes), len(outcomes), "finite sample", "pseudo-experiment"
        ):
            if experiment not in counts:
                nuisance = draw_nuisance_parameters(experiment.seed, settings.systematics)
                expected = expected_counts(measure, measurement, events, experiment.mu, nuisance)
                if expected is None:
                    raise ChallengeError("the bins of this submission depend on the data: its sample cannot be counted")
                counts.add(experiment, expected)
    return measurement.likelihood


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
        with measured_by(flags.submission, source, Path(work), settings.fit_minutes) as measure:
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
        settings = RunSettings(
            about["sets"], about["experiments"], tuple(about["systematics"]), about["seed"], about.get("fit_minutes")
        )
    except (KeyError, TypeError) as error:
        raise ChallengeError(
            f"{run} does not say which run it is ({error!r}): --run takes a folder of score"
        ) from error
    if about.get("data") != source.fingerprint():
        raise ChallengeError(f"the events of {run} are not those of {source}: give the folder of its events as --data")
    return settings
