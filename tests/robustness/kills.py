"""Commands that are killed at random moments and taken up again: `python -m tests.robustness.kills --rounds 50`.

A round starts a command, kills it by SIGKILL up to three times, each time continuing it, lets it end, and compares what
it wrote with an undisturbed run. A moment is a time, or a file operation, just before which it dies: so between the
writing of a file and its renaming too. What dies is the whole command, or one of its processes: any of them at a time,
the one at work at a file operation. If that is a worker, the command must go on, or say so in one line.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingestion_test.simulation import cached_folder
from ingestion_test.submissions import PROJECT
from tests.robustness import kill_hook
from tests.submissions import COMPLETE, write
from training.stages import STAGES

#: What may differ between two runs, and how files end that hold such numbers in their midst.
TIMINGS = {"minutes", "ingestion_duration", "seconds_events", "seconds_predict", "cpu_predict", "run_seconds"}
_ENDS = {".html": b"</html>\n", ".md": b"\n", ".png": b"IEND\xaeB`\x82"}

#: Seconds that processes may live on whose parent was killed, and that a command may take.
_GRACE, _LONGEST = 30, 1200


@dataclass(frozen=True)
class Case:
    """A command that can be killed.

    Arguments:
        command: arguments of python, up to the output folder.
        resume: flags that continue it; None if it starts anew until its output folder is there.
        begin: function of the output folder that makes what the command finds; None for nothing.
        last: what it removes last, beside its output folder: killed just before, it leaves that.
    """

    command: tuple[str, ...]
    resume: tuple[str, ...] | None = ("--resume",)
    begin: Callable | None = None
    last: str | None = None


@dataclass(frozen=True)
class Kill:
    """When and whom: after `seconds` of work or before the file operation number `operation`; all processes or one.

    After `seconds` that one is number `place` of the living processes, counted round and round.
    """

    seconds: float | None = None
    operation: int = 0
    whole: bool = True
    place: int = 0


@dataclass(frozen=True)
class Reference:
    """An undisturbed run: what it wrote, the seconds from its first file operation to its end, the operations."""

    results: dict
    seconds: float
    operations: int


class Killer:
    """Runs a `Case` in a folder of its own, undisturbed and disturbed.

    Arguments:
        case: `Case`.
        folder: an empty folder.
    """

    def __init__(self, case, folder):
        self.case, self.folder = case, folder
        self.counter, self.log, self.hook = folder / "operations", folder / "log", folder / "hook"
        self.hook.mkdir()
        shutil.copy2(kill_hook.__file__, self.hook / "sitecustomize.py")

    def undisturbed(self):
        """The `Reference`."""
        output = self._begun()
        seconds = self._finish(output, first=True)
        return Reference(results(output), seconds, self.counter.stat().st_size)

    def disturbed(self, reference, kills):
        """Kill a run at each of `kills`, continue it to its end, and compare.

        Returns:
            dict from "killed", "error" (in one line) and "ended" (before the kill) to their numbers.

        Raises:
            AssertionError: it ends in another way, leaves processes or files, or its results are not the `reference`'s.
        """
        output, ends = self._begun(), Counter()
        for number, kill in enumerate(kills):
            if self._is_there(output):
                break
            ends[self._end(self._start(output, number == 0, kill), kill)] += 1
        if not self._is_there(output):
            self._finish(output, first=False)
        different = sorted({name for name, _ in results(output).items() ^ reference.results.items()} - {self.case.last})
        assert not different, f"other than undisturbed after {kills}: {', '.join(different)} in {output}"
        return ends

    def _begun(self):
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        output = self.folder / "work" / "output"
        output.parent.mkdir()
        if self.case.begin is not None:
            self.case.begin(output)
        return output

    def _is_there(self, output):
        return self.case.resume is None and output.exists()

    def _start(self, output, first, kill):
        self.counter.unlink(missing_ok=True)
        environment = os.environ | {
            "PYTHONPATH": str(self.hook),
            "KILL_FOLDER": str(output.parent),
            "KILL_COUNTER": str(self.counter),
            "KILL_AT": str(kill.operation),
            "KILL_WHOLE": str(kill.whole),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, *self.case.command, str(output), *(() if first else self.case.resume or ())]
        with open(self.log, "wb") as log:
            return subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, process, kill):
        """Kill the process if it is time, wait for its end: what became of it, as `disturbed` counts."""
        if kill.seconds is not None:
            self._wait_for_work(process)
            time.sleep(kill.seconds)
            if process.poll() is None:
                members = _members(process.pid) or [process.pid]
                for member in members if kill.whole else [members[kill.place % len(members)]]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(member, signal.SIGKILL)
        process.wait(_LONGEST)
        text = self.log.read_text(errors="replace")
        end = time.monotonic() + _GRACE
        while members := _members(process.pid):
            assert time.monotonic() < end, f"processes {members} live on after {kill}"
            time.sleep(0.05)
        if process.returncode in (0, -signal.SIGKILL):
            return "killed" if process.returncode else "ended"
        plain = process.returncode == 2 and "\nerror: " in f"\n{text}" and "Traceback" not in text
        assert plain, f"exit code {process.returncode} after {kill}:\n{text}"
        assert not kill.whole, f"an error after {kill}:\n{text}"
        return "error"

    def _finish(self, output, first):
        """Run to the end; returns the seconds of work."""
        process = self._start(output, first, Kill())
        self._wait_for_work(process)
        begin = time.monotonic()
        assert process.wait(_LONGEST) == 0, self.log.read_text(errors="replace")
        return time.monotonic() - begin

    def _wait_for_work(self, process):
        while process.poll() is None and not (self.counter.exists() and self.counter.stat().st_size):
            time.sleep(0.01)


def _members(session):
    """Processes of a session that are alive, the first one first."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            members.append(int(path.parent.name))
    return sorted(members)


def results(output):
    """All files beside and below `output`, as far as two runs must agree: dict from path to content."""
    folder = output.parent
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _content(path):
    if path.suffix == ".log" or "checkpoints" in path.parts:
        return None
    content = path.read_bytes()
    if path.suffix == ".jsonl":
        return "\n".join(sorted(json.dumps(_untimed(json.loads(line))) for line in content.splitlines()))
    if path.suffix == ".json":
        return json.dumps(_untimed(json.loads(content)))
    return content.endswith(_ENDS[path.suffix]) if path.suffix in _ENDS else content


def _untimed(content):
    if isinstance(content, list):
        return [_untimed(value) for value in content]
    if not isinstance(content, dict):
        return content
    return {key: _untimed(value) for key, value in content.items() if key not in TIMINGS}


def random_kill(chance, reference):
    """A `Kill` at a moment of the undisturbed run that `chance`, a `random.Random`, chooses."""
    whole, timed, share = chance.random() < 0.5, chance.random() < 0.5, chance.random()
    if timed:
        return Kill(seconds=share * reference.seconds, whole=whole, place=0 if whole else chance.randrange(4))
    return Kill(operation=1 + int(share * reference.operations), whole=whole)


def cases(data, folder):
    """The `Case` of each command, by name; `data` are simulated events, `folder` takes what commands have in common."""
    submission = str(write(folder / "submission", COMPLETE))
    score = ("-m", "ingestion_test", "score", "--data", str(data), "--submission", submission, "--sets", "2")
    train = ("--preset", "smoke", "--data", str(data), "--output")
    table = ("-m", "experiments", "table2", "--preset", "smoke", "--data", str(data), "--sets", "2")
    simulate = ("-m", "ingestion_test", "simulate", "--size", "4000", "--workers", "2", "--output")
    commands = {
        "score": Case((*score, "--experiments", "3", "--workers", "1", "--output")),
        "score-parallel": Case((*score, "--experiments", "6", "--workers", "2", "--output")),
        "simulate": Case(simulate, resume=None, last=".output.lock"),
        "training": Case(("-m", "training", "all", "--workers", "1", *train)),
        "table2": Case((*table, "--methods", "default,template-fit", "--workers", "2", "--output")),
        "table2-template-fit": Case((*table, "--methods", "template-fit", "--workers", "1", "--output")),
    }
    for number, stage in enumerate(STAGES):
        commands[stage] = Case(
            ("-m", "training", stage, "--workers", "2", *train), begin=_Stages(folder / "trained", STAGES[:number])
        )
    return commands


@dataclass(frozen=True)
class _Stages:
    """Fills an output folder with some stages of a training that was made before in `trained`."""

    trained: Path
    stages: tuple[str, ...]

    def __call__(self, output):
        output.mkdir()
        for stage in self.stages:
            shutil.copy2(self.trained / f"{stage}.npz", output)


def main():
    """The command line; returns the exit code: 1 if a command did not survive."""
    program = "python -m tests.robustness.kills"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --rounds 5 --only simulate"
    )
    parser.add_argument("--rounds", type=int, default=10, help="of each command (default 10)")
    parser.add_argument("--only", metavar="A,B", help="commands (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    data = cached_folder("small", seed=1)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        chosen = cases(data, folder)
        names = flags.only.split(",") if flags.only else list(chosen)
        if set(names) & set(STAGES[1:]):
            command = [sys.executable, *chosen["training"].command, str(folder / "trained")]
            subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        return max(_rounds(name, chosen[name], folder / name, flags) for name in names)


def _rounds(name, case, folder, flags):
    """Kill one command in all rounds and print how it went; returns 1 if it did not survive."""
    folder.mkdir()
    killer, ends, chance = Killer(case, folder), Counter(), random.Random(f"{flags.seed} {name}")
    reference = killer.undisturbed()
    for number in range(flags.rounds):
        try:
            ends += killer.disturbed(reference, [random_kill(chance, reference) for _ in range(chance.randint(1, 3))])
        except AssertionError as error:
            print(f"{name}: round {number}: {error}", flush=True)
            return 1
    print(
        f"{name}: {flags.rounds} rounds, {ends['killed']} kills, {ends['error']} deaths of workers said in one line, "
        f"{ends['ended']} that came too late or were made good; all results as undisturbed",
        flush=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
