"""The paper's Table 2: `python -m experiments table2`. All methods on the same pseudo-experiments, through one door."""

import dataclasses
from pathlib import Path

import numpy as np

from experiments import table2_figures
from experiments.method import widths
from experiments.methods import METHODS, code_checksum, likelihood_of, prepare
from experiments.results import add_docs_argument, claim, kept_rows, publish, some_of
from ingestion_test import simulation
from ingestion_test.cli import Bar
from ingestion_test.ingestion import RunSettings
from ingestion_test.ingestion import run as ingest
from ingestion_test.pseudo_experiments import plan
from ingestion_test.run_scoring import score_folder
from ingestion_test.scoring import load_predictions, score_sets
from ingestion_test.sources import OfficialFolder
from runtime import files
from runtime.arguments import add_workers_arguments, count
from runtime.output import output_folder
from runtime.tables import Table
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.likelihood import Likelihood
from training.config import SAMPLES
from training.flows import usable_device

SUMMARY = "score, interval, coverage, RMSE and runtime of all methods (paper, Tab. 2)"

#: Seed of the pseudo-experiments, used nowhere else: what was tuned on others is judged on these.
SEED = 250508709

#: Redrawings behind the statistical errors, and their seed.
BOOTSTRAPS, BOOTSTRAP_SEED = 1000, 7

#: Preset of the trainings, values of mu, pseudo-experiments of each, and the sample that is simulated without --data.
PRESETS = {"full": (10, 100, SAMPLES["default"]), "smoke": (2, 3, SAMPLES["smoke"])}

#: What the paper reports (official data, 10 x 100 pseudo-experiments, four A100): score, interval, coverage, RMSE,
#: minutes, and nothing on the bound with six nuisance parameters (docs/mathematics.md#published-numbers).
PAPER = {
    "paper: CNF + DNN": (0.823, 0.438, 0.672, 0.191, 5.0, None),
    "paper: MLE with nu": (0.001, 0.998, 0.701, 0.575, 41.0, None),
    "paper: baseline, MLE for mu only": (-11.152, 1.34, 0.431, 1.575, 3.0, None),
}

#: Columns of the table: key of a row, title and format.
COLUMNS = (
    ("score", "score", ".3f"),
    ("interval", "interval", ".3f"),
    ("coverage", "coverage", ".3f"),
    ("rmse", "RMSE", ".3f"),
    ("minutes", "minutes", ".1f"),
    ("cramer_rao", "Cramér-Rao", ".3f"),
)

SETTINGS_FILE, ROW_FILE = "table2_settings.json", "row.json"


@dataclasses.dataclass(frozen=True)
class FirstOfRun(RunSettings):
    """The first pseudo-experiments of each set of a run that has `of` of them: the same mu, seeds and events."""

    of: int = 0

    def plan(self):
        """The pseudo-experiments, in the order of the whole run."""
        return [item for item in plan(self.num_sets, self.of, self.seed) if item.index < self.num_experiments]


def add_arguments(parser):
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--preset", choices=PRESETS, default="full", help="size of the trainings and of the runs (default: full)")
    methods = {"type": some_of("method", METHODS), "default": tuple(METHODS), "metavar": "A,B"}
    add("--methods", **methods, help=f"of {', '.join(METHODS)}: default all")
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
        help="pseudo-experiments of each (default: 100, fewer of slow ones)",
    )
    add_docs_argument(parser)


def run(arguments):
    """Train what is not trained, run each method, and write the table anew after each."""
    usable_device(arguments.device)
    sets, experiments, sample = PRESETS[arguments.preset]
    source = OfficialFolder(arguments.data or simulation.cached_folder(*sample))
    output = arguments.output or Path("runs") / f"table2-{arguments.preset}"
    of = max(experiments, arguments.experiments or 0)
    about = {"preset": arguments.preset, "data": source.fingerprint(), "code": code_checksum()}
    about |= {"seed": SEED, "experiments": of}
    with output_folder(output):
        claim(output / SETTINGS_FILE, about, arguments.resume)
        for name in arguments.methods:
            slow = METHODS[name].experiments or experiments
            settings = FirstOfRun(
                num_sets=arguments.sets or sets,
                num_experiments=arguments.experiments or min(experiments, slow),
                seed=SEED,
                of=of,
            )
            print(f"== {name}: {METHODS[name].label}", flush=True)
            machine = {"device": arguments.device, "workers": arguments.workers}
            run_method(name, arguments.preset, settings, source, output, **machine, own_sample=not arguments.data)
            rows = write_table(output, about)
    made = table(rows)
    print(made.text())
    shown = ("table2-intervals.png", "table2-coverage.png", "table2.json")
    publish(arguments.docs, "results", {"table2": made.markdown()}, [output / name for name in shown])
    print(f"table and figures: {output}")


def run_method(name, preset, settings, source, output, device="cpu", workers=1, own_sample=False):
    """Train a method, let it predict the pseudo-experiments, score it, and keep its row of the table.

    Arguments:
        name: in `methods.METHODS`.
        preset: "full" or "smoke".
        settings: `FirstOfRun`.
        source: `sources.OfficialFolder`.
        output: folder of the comparison.
        device, workers, own_sample: as for `methods.prepare`.

    Returns:
        the row, as `row`.
    """
    folder = output / name
    submission = prepare(name, preset, source, output, device, workers, own_sample)
    with Bar() as bar:
        outcomes = ingest(settings, source, submission, folder, workers, resume=True, progress=bar)
    seconds = [round(outcome.seconds_predict, 4) for outcome in outcomes]  # as a continued run finds them
    print(score_folder(folder, folder, settings={"Submission": name, "Events": source, "Seed": settings.seed}))
    predictions = load_predictions(folder)
    mus = predictions.settings["ground_truth_mus"]
    made = row(mus, predictions.results, seconds) | {"cramer_rao": bound(likelihood_of(name, submission), mus)}
    files.write_json(folder / ROW_FILE, made)
    return made


def bound(likelihood, mus):
    """Mean Cramer-Rao width at the true `mus` that a method's own bins allow, whatever its fit makes of them.

    With yields, six nuisance parameters profiled and the templates' error. None for a method without a `Likelihood`.
    """
    if likelihood is None:
        return None
    own = Likelihood(likelihood.templates, LIKELIHOODS["default"])
    return float(np.mean([width["profiled"] for width in widths(own, mus)]))


def row(mus, results, seconds):
    """What is said of a method.

    Arguments:
        mus: true mu of each set.
        results: of each set, dict of lists as in `result_{i}.json`.
        seconds: of each prediction.

    Returns:
        dict: of "score", "interval", "coverage", "rmse" (the challenge's), "rms" (root mean square of mu_hat - mu) and
        "minutes" (of one process for 1000 predictions) the value and its statistical error; "cramer_rao", None; "sets",
        a list with mu and the same numbers of each; the numbers of sets and of experiments.
    """
    values = _numbers(score_sets(mus, results))
    random = np.random.default_rng(BOOTSTRAP_SEED)
    redrawn = [_numbers(score_sets(mus, [_redrawn(result, random) for result in results])) for _ in range(BOOTSTRAPS)]
    seconds = 1000 / 60 * np.asarray(seconds)
    return {
        **{name: (values[name], _spread(redrawn, name)) for name in ("score", "interval", "rmse", "rms")},
        "coverage": (values["coverage"], values["coverage_error"]),
        "minutes": (float(seconds.mean()), float(seconds.std() / np.sqrt(len(seconds)))),
        "sets": [
            {
                "mu": one["mu"],
                "coverage": (one["coverage"], one["coverage_error"]),
                **{
                    name: (one[name], float(np.std([drawn["sets"][number][name] for drawn in redrawn])))
                    for name in ("interval", "rmse", "rms")
                },
            }
            for number, one in enumerate(values["sets"])
        ],
        "cramer_rao": None,
        "num_sets": len(results),
        "num_experiments": len(results[0]["p16"]),
    }


def _numbers(scores):
    """The numbers of `scoring.Scores`, overall and of each set, as dicts."""
    sets = [
        {name: getattr(one, name) for name in ("mu", "interval", "coverage", "coverage_error", "rmse")}
        | {"rms": float(np.sqrt(np.mean((one.mu_hats - one.mu) ** 2)))}
        for one in scores.sets
    ]
    return {
        "score": scores.quantiles_score,
        "rms": float(np.sqrt(np.mean([one["rms"] ** 2 for one in sets]))),
        "sets": sets,
        **{name: getattr(scores, name) for name in ("interval", "coverage", "coverage_error", "rmse")},
    }


def _redrawn(result, random):
    """The results of a set, pseudo-experiments drawn with replacement."""
    drawn = random.integers(len(result["p16"]), size=len(result["p16"]))
    return {key: np.asarray(values)[drawn] for key, values in result.items()}


def _spread(redrawn, name):
    return float(np.std([drawn[name] for drawn in redrawn]))


def write_table(output, about):
    """Write table2.json, results.md and the figures from the rows of all methods that have one; returns the rows."""
    rows = kept_rows(output, METHODS, ROW_FILE)
    files.write_json(output / "table2.json", {"settings": about, "paper": PAPER, "methods": rows})
    with files.replaced(output / "results.md") as file:
        file.write(table(rows).markdown())
    labelled = {METHODS[name].label: row for name, row in rows.items()}
    table2_figures.intervals(output / "table2-intervals.png", labelled)
    table2_figures.coverage(output / "table2-coverage.png", labelled)
    return rows


def table(rows):
    """The comparison as `Table`; `rows` is a dict from method to its row."""
    head = ["method", *(title for _, title, _ in COLUMNS), "data sets"]
    lines = []
    for name, row in rows.items():
        numbers = [_cell(row[key], kind) for key, _, kind in COLUMNS]
        lines.append([f"{name}: {METHODS[name].label}", *numbers, f"{row['num_sets']} x {row['num_experiments']}"])
    for name, values in PAPER.items():
        lines.append([name, *(_cell(value, kind) for value, (_, _, kind) in zip(values, COLUMNS)), "10 x 100"])
    return Table(head, lines)


def _cell(value, kind):
    """A number, or a pair of number and error, as text; nothing for None."""
    if value is None:
        return ""
    return " ± ".join(f"{number:{kind}}" for number in (value if isinstance(value, list | tuple) else (value,)))
