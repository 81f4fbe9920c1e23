"""`python -m training flows|classifier|templates|neyman|all`: from events to weights and tables."""

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ingestion_test.sources import OfficialFolder
from runtime.arguments import add_workers_arguments
from runtime.errors import ChallengeError, run_command
from runtime.output import output_folder

from .config import PRESETS, default_output, simulated_source
from .config_file import load_config, with_changes
from .devices import usable_device
from .stages import STAGES, Training, ship


def main(arguments: Sequence[str] | None = None, program: str = "python -m training") -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Train the method: four stages, each resumable, from events to weights and tables.",
        epilog=f"example: {program} all --preset smoke --output runs/smoke",
    )
    add = parser.add_argument
    add("stage", choices=(*STAGES, "all"), help="which stage; all runs them one after the other")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--preset", choices=tuple(PRESETS), default="default", help="default: default")
    choice.add_argument("--config", type=Path, metavar="FILE", help="TOML file: a preset and what differs from it")
    add(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any field of the configuration, such as networks.classifier.epochs=4; may be given several times",
    )
    add("--data", metavar="DIR", help="folder in the official format (default: simulated events, made on first use)")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where networks are trained (default cpu)")
    add_workers_arguments(parser)
    add("--resume", action="store_true", help="keep what is there and go on")
    add(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for stages and checkpoints (default runs/training-NAME)",
    )
    add("--artifacts", type=Path, metavar="DIR", help="folder for weights and tables (default OUTPUT/artifacts)")
    parser.set_defaults(command=_train)
    return run_command(parser.parse_args(arguments), program, arguments)


def _train(flags: argparse.Namespace) -> None:
    usable_device(flags.device)
    preset, config = load_config(flags.config) if flags.config else (flags.preset, PRESETS[flags.preset])
    config = with_changes(config, flags.set)
    output = flags.output or default_output(flags.config.stem if flags.config else preset)
    source = OfficialFolder(flags.data) if flags.data else simulated_source(preset)
    with output_folder(output):
        training = Training(config, source, output, flags.device, flags.workers)
        for stage in STAGES if flags.stage == "all" else (flags.stage,):
            _run(training, stage, flags.resume)
        if flags.stage in ("all", "neyman"):
            folder = flags.artifacts or output / "artifacts"
            ship(training, folder)
            print(f"weights and tables: {folder}")


def _run(training: Training, stage: str, resume: bool) -> None:
    if training.path(stage).exists():
        if not resume:
            raise ChallengeError(f"{training.path(stage)} is there already: add --resume, or choose another --output")
        print(f"{stage}: done before")
        training.summary(stage)
        return
    start = time.monotonic()
    logging.getLogger(__name__).info("%s ...", stage)
    summary = training.run(stage)
    print(f"{stage}: {time.monotonic() - start:.0f} s", *_lines(summary), sep="\n", flush=True)


def _lines(summary: Mapping[str, Any], indent: str = "  ") -> Iterator[str]:
    """A stage's summary as lines of text; what the artifacts' manifest holds in full."""
    for name, value in summary.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            table = pd.json_normalize(value).to_string(index=False, float_format=lambda number: f"{number:.4g}")
            yield from (f"{indent}{name}", *(f"{indent}  {line}" for line in table.splitlines()))
        else:
            numbers = value if isinstance(value, list | tuple) else [value]
            shown = (f"{number:.4g}" if isinstance(number, float) else str(number) for number in numbers)
            yield f"{indent}{name}  {'  '.join(shown)}"


if __name__ == "__main__":
    sys.exit(main())
