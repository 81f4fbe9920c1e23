"""`python -m tests.robustness.fuzz`: many malformed inputs at every door, and a table of what became of them."""

import argparse
import collections
import multiprocessing
import sys
import time

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.robustness.bad_input.doors import DOORS
from tests.robustness.bad_input.sandbox import Verdict, attempt

#: Seconds in which a process must have its first input.
START_SECONDS = 600

#: Further inputs asked for, as some come twice.
SPARE = 10

_context = multiprocessing.get_context("fork")  # what is imported once is there in each


def main(arguments=None):
    """The command line; returns the exit code: 0, or 1 if an input led to what it should not."""
    program = "python -m tests.robustness.fuzz"
    parser = argparse.ArgumentParser(prog=program, description=__doc__, epilog=f"example: {program} --only predictions")
    add = parser.add_argument
    add("--inputs", type=int, default=1000, metavar="N", help="over all doors (default 1000)")
    add("--only", choices=[door.name for door in DOORS], help="one door alone")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds after which an input hangs (default 60)")
    add("--seed", type=int, default=0, metavar="N", help="others give other inputs (default 0)")
    flags = parser.parse_args(arguments)
    doors = [door for door in DOORS if flags.only in (None, door.name)]
    share = -(-flags.inputs // len(doors))
    total = collections.Counter()
    print(f"{'door':20}{'inputs':>8}{'worked':>8}{'refused':>9}{'faults':>8}{'slowest':>10}")
    for door in doors:
        counts, slowest = _try(door, share, flags.timeout, flags.seed)
        print(f"{_row(door.name, counts)}{slowest:8.1f} s", flush=True)
        total += counts
    print(_row("all", total))
    return 1 if total["faults"] else 0


def _row(name, counts):
    return f"{name:20}{counts.total():8}{counts['worked']:8}{counts['refused']:9}{counts['faults']:8}"


def _try(door, inputs, timeout, seed):
    """Counter of what became of `inputs` different inputs, and the seconds of the slowest."""
    counts, seen, slowest, faults = collections.Counter(), set(), 0.0, set()
    while len(seen) < inputs:
        before = len(seen)
        for case, verdict, seconds in _verdicts(door, inputs - len(seen) + SPARE, timeout, seed):
            if len(seen) == inputs:
                break
            if case not in seen:
                seen.add(case)
                slowest = max(slowest, seconds)
                counts["faults" if verdict.fault else "worked" if verdict.worked else "refused"] += 1
                if verdict.fault and verdict.fault not in faults:
                    print(f"{door.name}: {case[:1000]}\n    {verdict.fault}\n    {verdict.output[-500:]!r}", flush=True)
                faults.add(verdict.fault)
        if len(seen) == before:
            break  # there are no more
        seed += 1000  # for what is missing because inputs came twice, or a process died
    return counts, slowest


def _verdicts(door, inputs, timeout, seed):
    """(case, verdict, seconds) of inputs tried in a process of their own; the last one may have ended it."""
    connection, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=_attempts, args=(theirs, door.name, inputs, seed), daemon=True)
    process.start()
    theirs.close()
    case, start = None, time.monotonic()
    try:
        while connection.poll(limit := START_SECONDS if case is None else timeout):
            message = connection.recv()
            if isinstance(message, str):
                case, start = message, time.monotonic()
            else:
                yield case, message, time.monotonic() - start
                case = None
        yield case or "the start", Verdict(False, f"hangs: nothing after {limit:g} s", ""), limit
    except EOFError:
        process.join()
        if process.exitcode:
            yield case or "the start", Verdict(False, f"ended the process with exit code {process.exitcode}", ""), 0.0
    finally:
        process.kill()
        process.join()


def _attempts(connection, name, inputs, seed):
    """Body of the process: sends the text of each case, then its verdict."""
    door = next(door for door in DOORS if door.name == name)
    how = settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @hypothesis.seed(seed)
    @how
    @given(door.cases)
    def attempt_case(case):
        connection.send(repr(case))
        connection.send(attempt(door, case))

    attempt_case()


if __name__ == "__main__":
    sys.exit(main())
