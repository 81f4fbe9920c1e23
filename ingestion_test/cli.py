"""Command line of the challenge: `python -m ingestion_test score`, `simulate`, `compare` and `check-data`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from runtime.arguments import add_workers_arguments, count, minutes, seed
from runtime.errors import ChallengeError, run_command
from runtime.output import new_folder
from runtime.progress import line_is_due

from . import simulation
from .comparison import compare
from .data_check import check_data
from .ingestion import DEFAULT_SEED, Progress, RunSettings, run, run_one
from .jobs import Outcome
from .nuisance import NUISANCE_NAMES
from .run_scoring import score_folder
from .scoring import Running
from .sources import OfficialFolder


def main(arguments: Sequence[str] | None = None, program: str = "python -m ingestion_test") -> int:
    """The command line; returns the exit code: 0, 2 for what the user can mend, 130 if interrupted."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="The HiggsML challenge, replicated.",
        epilog=f"example: {program} score --sets 3",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_score(commands, program)
    _add_simulate(commands, program)
    _add_compare(commands, program)
    _add_check_data(commands, program)
    return run_command(parser.parse_args(arguments), program, arguments)


def systematics(text: str) -> tuple[str, ...]:
    """An argparse type: names of nuisance parameters, comma-separated, or all or none of them."""
    names = {"all": NUISANCE_NAMES, "none": ()}.get(text, tuple(text.split(",")))
    unknown = [name for name in names if name not in NUISANCE_NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"no nuisance parameter {', '.join(unknown)}: all, none, or some of {','.join(NUISANCE_NAMES)}"
        )
    return tuple(name for name in NUISANCE_NAMES if name in names)


def _place(text: str) -> tuple[int, int]:
    try:
        set_index, index = map(int, text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not SET:INDEX, such as 2:5") from None
    return set_index, index


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> None:
    parser = commands.add_parser(
        "score",
        help="run a submission through the challenge and show its score",
        description="Run a submission through the challenge as Codabench does: ingestion, scoring, report.",
        epilog=f"example: {program} score --submission submission.zip",
    )
    add = parser.add_argument
    add("--submission", metavar="PATH", help="folder or zip with model.py (default: this project's own)")
    add("--data", metavar="DIR", help="folder in the official format (default: simulated events, made on first use)")
    add("--sets", type=count, default=10, metavar="N", help="true values of mu (default 10)")
    add("--experiments", type=count, default=10, metavar="N", help="pseudo-experiments of each set (default 10)")
    add(
        "--systematics",
        type=systematics,
        default=NUISANCE_NAMES,
        metavar="all|none|LIST",
        help="nuisance parameters that vary, comma-separated (default all)",
    )
    add("--seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"seed of the run (default {DEFAULT_SEED})")
    add_workers_arguments(parser)
    add("--phase-2", action="store_true", help="add the final phase's bootstrap of the sets")
    add("--output", type=Path, metavar="DIR", help="folder for the results (default: a new one in runs/)")
    fit = parser.add_mutually_exclusive_group()
    fit.add_argument(
        "--fit-minutes",
        type=minutes,
        metavar="N",
        help="minutes that a submission's fit may take, told as HIGGSML_FIT_MINUTES (this project's own: default 30)",
    )
    fit.add_argument("--no-fit", action="store_true", help="the same as --fit-minutes 0: the shipped tables are used")
    add("--resume", action="store_true", help="continue the run in --output")
    add(
        "--only",
        type=_place,
        metavar="SET:INDEX",
        help="run just this pseudo-experiment, in one process, and show what happens; nothing is written to --output",
    )
    parser.set_defaults(command=_score)


def _add_simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> None:
    parser = commands.add_parser(
        "simulate",
        help="write a folder of simulated events",
        description="Write simulated events as a folder in the official format.",
        epilog=f"example: {program} simulate --output events --size small --seed 1",
    )
    simulation.add_arguments(parser)
    parser.set_defaults(command=simulation.run)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> None:
    parser = commands.add_parser(
        "compare",
        help="compare runs on the data sets that they have in common",
        description="Compare runs with the first one, data set by data set: differences and their statistical errors.",
        epilog=f"example: {program} compare runs/mine runs/better",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="output folders of score, two or more")
    parser.set_defaults(command=_compare)


def _add_check_data(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: str) -> None:
    parser = commands.add_parser(
        "check-data",
        help="look at a folder of events before hours are spent on it",
        description="Show rows, yields and distributions of a folder in the official format beside the simulation's.",
        epilog=f"example: {program} check-data events",
    )
    parser.add_argument("data", metavar="DIR", help="folder in the official format")
    parser.set_defaults(command=_check_data)


def _score(flags: argparse.Namespace) -> None:
    settings = RunSettings(
        flags.sets, flags.experiments, flags.systematics, flags.seed, 0.0 if flags.no_fit else flags.fit_minutes
    )
    source = OfficialFolder(flags.data or simulation.cached_folder())
    name = "this project's own" if flags.submission is None else flags.submission
    if flags.only:
        _score_one(settings, source, flags)
        return
    if flags.resume and flags.output is None:
        raise ChallengeError("--resume needs --output, the folder of the run to continue")
    output = flags.output or new_folder(Path("runs"), time.strftime("score-%Y%m%d-%H%M%S"))
    print(f"submission  {name}\nevents      {source}\noutput      {output}", flush=True)
    with Bar() as bar:
        outcomes = run(settings, source, flags.submission, output, flags.workers, flags.resume, bar)
    seconds = sum(outcome.seconds_events + outcome.seconds_predict for outcome in outcomes) / len(outcomes)
    described = {"Submission": name, "Events": source, "Seed": settings.seed}
    print(score_folder(output, output, flags.phase_2, described, seconds))
    print(f"report      {output / 'detailed_results.html'}")


def _score_one(settings: RunSettings, source: OfficialFolder, flags: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as work:
        outcome = run_one(settings, source, flags.submission, work, *flags.only)
    prediction = ", ".join(f"{key} {value:.4f}" for key, value in outcome.prediction.items())
    print(f"{outcome.experiment}: mu {outcome.experiment.mu:.4f}; {prediction}")
    print(f"{outcome.seconds_events:.2f} s for the events, {outcome.seconds_predict:.2f} s for predict")


def _check_data(flags: argparse.Namespace) -> None:
    check = check_data(OfficialFolder(flags.data), OfficialFolder(simulation.cached_folder("small", seed=1)))
    print(*(table.text() for table in check.tables), sep="\n\n")
    print(*(f"\nwarning: {text}" for text in check.warnings) if check.warnings else ("\nno warnings",))


def _compare(flags: argparse.Namespace) -> None:
    comparison = compare(flags.runs)
    print(*(f"note: {text}" for text in comparison.notes), comparison.table().text(), sep="\n")


class Bar(Progress):
    """Steps as lines, pseudo-experiments as a tqdm bar with the running coverage and interval.

    Where no terminal listens, ten lines stand for the bar.
    """

    def __init__(self) -> None:
        self._bar, self._running = tqdm(disable=True), Running()
        self._begun = self._present = 0.0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def step(self, text: str) -> None:
        """A line."""
        print(f"... {text}", flush=True)

    def start(self, total: int, outcomes: Sequence[Outcome]) -> None:
        """The bar, with what is there already."""
        self._bar = tqdm(total=total, initial=len(outcomes), unit="exp", dynamic_ncols=True, disable=None)
        for outcome in outcomes:
            self._count(outcome)
        self._begun, self._present = time.monotonic(), len(outcomes)

    def outcome(self, outcome: Outcome) -> None:
        """A step of the bar."""
        self._count(outcome)
        self._bar.update()
        done, total = self._running.size, self._bar.total
        if self._bar.disable and line_is_due(done, total):
            print(f"... {done}/{total} pseudo-experiments, {self._running}, {self._time(done, total)}", file=sys.stderr)

    def _time(self, done: int, total: int) -> str:
        elapsed = time.monotonic() - self._begun
        if done == total:
            return f"in {tqdm.format_interval(elapsed)}"
        return f"{tqdm.format_interval(elapsed / (done - self._present) * (total - done))} left"

    def warning(self, text: str) -> None:
        """A line above the bar."""
        tqdm.write(f"warning: {text}", file=sys.stderr)

    def _count(self, outcome: Outcome) -> None:
        prediction = outcome.prediction
        self._running.add(outcome.experiment.mu, prediction["p16"], prediction["p84"])
        self._bar.set_postfix_str(str(self._running), refresh=False)
