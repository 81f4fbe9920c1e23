"""Command line of the experiments: `python -m experiments COMMAND --help`."""

import argparse
import sys
from collections.abc import Sequence

from runtime.plots import plain_style  # before matplotlib

# isort: split
from experiments import answer, official_shift, pulls, robustness, trainings
from experiments.ablation import command as ablation
from experiments.digits import command as digits
from experiments.final_phase import command as final_phase
from experiments.histfactory import command as histfactory
from experiments.refit_worlds import adaptation, changed_events
from experiments.refit_worlds import command as refit_worlds
from experiments.table2 import command as table2
from experiments.toy import command as toy
from experiments.trained_method import command as trained_method
from runtime.errors import run_command

#: Of each command the module, with SUMMARY, add_arguments(parser) and run(arguments), and an example's arguments.
COMMANDS = {
    "toy": (toy, "--preset smoke"),
    "digits": (digits, "--preset smoke"),
    "method": (trained_method, "--event-level runs/method-events"),
    "final": (final_phase, "--repeats 5"),
    "export": (histfactory, "2:5 --output workspace.json"),
    "trainings": (trainings, "runs/training-default runs/training-no-flows"),
    "refit-worlds": (refit_worlds, "--worlds own,z-2-jets --samples 2"),
    "world": (changed_events, "waves-20 --rows 1000000 --output events-of-another-world"),
    "adapt": (adaptation, "--worlds own --rows 400000"),
    "official-shift": (official_shift, "--rows 200000"),
    "table2": (table2, "--methods default,template-fit --experiments 10"),
    "robustness": (robustness, "--rows 1000000"),
    "answer": (answer, "--docs docs"),
    "pulls": (pulls, "--training runs/table2-full/mle-nu/training"),
    "ablation": (ablation, "--preset smoke"),
}


def main(argv: Sequence[str] | None = None, program: str = "python -m experiments") -> int:
    """Run one experiment; return the exit code: 0, 2 where the user can mend what is wrong, 130 if interrupted."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="The paper's comparisons and studies, and what the trained method reaches.",
        epilog=f"example: {program} table2 --preset smoke",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, example) in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.SUMMARY, description=module.SUMMARY, epilog=f"example: {program} {name} {example}"
        )
        module.add_arguments(command)
        command.set_defaults(command=module.run)
    with plain_style():
        return run_command(parser.parse_args(argv), program, argv)


if __name__ == "__main__":
    sys.exit(main())
