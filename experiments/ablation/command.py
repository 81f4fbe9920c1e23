"""One factor at a time: `python -m experiments ablation`. What each part of the method is worth, at histogram level.

Two groups of variants. "networks" are trained anew, each on the same events and at the same reduced size, since what
they have in common cancels in the ratio to the first of them. "fit" are other likelihoods and belts on the shipped
scores and templates. Intervals and coverage are those of pseudo-experiments thrown from the variant's own templates,
with all six nuisance parameters drawn, whichever of them are fitted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.outputs import claim, kept_rows, record, require_no_loss, some_of
from experiments.trained_artifacts import load, load_manifest
from ingestion_test.sources import OfficialFolder
from runtime import files
from runtime.arguments import add_workers_arguments
from runtime.documents import add_docs_argument, publish
from runtime.output import finished_stages, output_folder
from submission import artifacts
from training.config import simulated_source
from training.devices import usable_device

from . import figure
from .measurement import THROWS, measured_row
from .table import groups, sections, table
from .variants import BASES, VARIANTS, variant_record

SUMMARY = "what each part of the method is worth: one factor at a time, at histogram level"

ABOUT_FILE, ROW_FILE, RESULT_FILE = "ablation_settings.json", "row.json", "ablation.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--preset", choices=tuple(THROWS), default="full", help="size of the trainings and throws (default: full)")
    names, some = tuple(VARIANTS), some_of("variant", VARIANTS)
    add("--only", type=some, default=names, metavar="A,B", help=f"of {', '.join(names)}: default all")
    add_workers_arguments(parser)
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where networks are trained (default cpu)")
    add("--data", metavar="DIR", help="folder in the official format (default: simulated events, made on first use)")
    add("--output", type=Path, metavar="DIR", help="folder of the results (default: runs/ablation-PRESET)")
    add("--resume", action="store_true", help="keep what is there and go on, or add variants")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train and measure each variant, write table, figure and JSON."""
    usable_device(arguments.device)
    estimator, _ = load(artifacts.FOLDER)
    source = OfficialFolder(arguments.data) if arguments.data else simulated_source(BASES[arguments.preset])
    output = arguments.output or Path("runs") / f"ablation-{arguments.preset}"
    shipped = load_manifest()["sha256"]
    about = {"preset": arguments.preset, "data": source.fingerprint(), "shipped": shipped}
    about["throws"] = record(THROWS[arguments.preset])
    with output_folder(output, _finished):
        claim(output / ABOUT_FILE, about, arguments.resume)
        for name in VARIANTS:
            if name in arguments.only or (output / name / ROW_FILE).exists():
                (output / name).mkdir(exist_ok=True)
                claim(output / name / ABOUT_FILE, variant_record(name, arguments.preset), resume=True)
        for name in arguments.only:
            path = output / name / ROW_FILE
            if not path.exists():
                print(f"== {name}: {VARIANTS[name].label}", flush=True)
                label = {"label": VARIANTS[name].label}
                files.write_json(path, label | measured_row(name, arguments, source, output, estimator))
        rows = kept_rows(output, VARIANTS, ROW_FILE)
        files.write_json(output / RESULT_FILE, {"shipped": shipped, "settings": about, "variants": rows})
        figure.plot(output / "ablation.png", groups(rows))
    comparison = table(rows)
    print(comparison.text())
    print(f"table and figure: {output}")
    if arguments.docs:
        result = {"settings": about, "variants": rows}
        require_no_loss(arguments.docs / "results" / RESULT_FILE, "variants", result)
        shown = [output / name for name in ("ablation.png", RESULT_FILE) if (output / name).exists()]
        publish(arguments.docs, "results", sections(result), shown)


def _finished(output: Path) -> list[object]:
    """What of the study is done: stages of trainings, and measured variants."""
    return [*finished_stages(output), *output.glob(f"*/{ROW_FILE}")]
