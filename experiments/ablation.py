"""One factor at a time: `python -m experiments ablation`. What each part of the method is worth, at histogram level.

Two groups of variants. "networks" are trained anew, each on the same events and at the same reduced size, since what
they have in common cancels in the ratio to the first of them. "fit" are other likelihoods and belts on the shipped
scores and templates. Intervals and coverage are those of pseudo-experiments thrown from the variant's own templates,
with all six nuisance parameters drawn, whichever of them are fitted.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments import ablation_figure, results
from experiments.method import flatness, limited, load, mean_over, widths
from experiments.methods import run_or_adopt
from ingestion_test import simulation
from ingestion_test.sources import OfficialFolder
from runtime import files
from runtime.arguments import add_workers_arguments
from runtime.output import output_folder
from runtime.tables import Table
from submission import artifacts
from submission.confidence import BeltConfig
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.likelihood import Likelihood, LikelihoodConfig
from submission.parameters import PARAMETERS
from submission.templates import Templates
from training.config import PRESETS, SAMPLES
from training.flows import TrainingFailed, usable_device
from training.neyman import NeymanConfig, belt_throws, check, check_throws, make_belts, redrawn_belts
from training.stages import STAGES, Training

SUMMARY = "what each part of the method is worth: one factor at a time, at histogram level"

#: Throws behind a belt, and at each of 20 true mu for its check.
THROWS = {"full": NeymanConfig(belt_throws=100_000, check_throws=5000, seed=20261124)}
THROWS["smoke"] = replace(THROWS["full"], belt_throws=4000, check_mus=3, check_throws=400)

ABOUT_FILE, ROW_FILE, RESULT_FILE = "ablation_settings.json", "row.json", "ablation.json"

#: Preset of `training.config` that the networks of a preset start from, and whose events they are trained on.
BASES = {"full": "cnf", "smoke": "smoke"}

#: Nuisance parameters fitted where not all six are, and the range of a belt that does not know that of the challenge.
TWO, THREE = ("tes", "jes"), ("tes", "jes", "soft_met")
WIDE = (0.0, 5.0)


@dataclasses.dataclass(frozen=True)
class Networks:
    """A variant whose networks are trained: its label, and what differs from the group's first configuration.

    Arguments:
        label: in table and figure.
        change: function from `first_config` to the variant's `training.config.Config`.
        shipped: whether the scores are the shipped ones; nothing but templates is made then.
    """

    label: str
    change: Callable
    shipped: bool = False


@dataclasses.dataclass(frozen=True)
class Fit:
    """A variant of the fit: its label, `LikelihoodConfig`, `BeltConfig`, and the channels that are left out."""

    label: str
    likelihood: LikelihoodConfig = LIKELIHOODS["default"]
    belt: BeltConfig = PRESETS["default"].belt
    without: tuple[str, ...] = ()


def _flows(**changes):
    return lambda config: replace(
        config, networks=replace(config.networks, flows=replace(config.networks.flows, **changes))
    )


def _strengths(models, strengths):
    def change(config):
        training = replace(config.networks.flows.training, models=models, strengths=strengths)
        return _flows(training=training)(config)

    return change


def _quadratic(config):
    return _flows(shape=config.networks.flows.shape | {"odd": "quadratic"})(config)


def _seed(number):
    """Other events drawn and other initial weights of everything: what a repetition of the training changes."""

    def change(config):
        flows, networks = config.networks.flows, config.networks
        flows = replace(flows, training=replace(flows.training, seed=number))
        classifier = replace(networks.classifier, seed=number)
        networks = replace(networks, flows=flows, classifier=classifier, seed=networks.seed + number)
        return replace(config, networks=networks, gate=replace(config.gate, seed=number))

    return change


def _fewer(factor):
    def change(config):
        flows = replace(config.networks.flows, events=config.networks.flows.events // factor)
        return replace(
            config, networks=replace(config.networks, flows=flows, datasets=max(4, config.networks.datasets // factor))
        )

    return change


def _no_flows(config):
    return replace(config, networks=replace(config.networks, flows=None))


NETWORKS = {
    "no-flows": Networks("reference: no flows", _no_flows),
    "no-flows-1": Networks("no flows, trained with another seed", lambda config: _no_flows(_seed(1)(config))),
    "flows": Networks("flows of c = 0.2 and 1, scaled, on coordinates", lambda config: config),
    "flows-1": Networks("the same, trained with another seed", _seed(1)),
    "plain-flows": Networks("c = 0: plain flows of S and B", _strengths(("S", "B"), (0.0, 0.0))),
    "strong-flows": Networks("c = 1 and 2", _strengths(("S", "S", "B", "B"), (1.0, 2.0, 1.0, 2.0))),
    "unscaled": Networks("sigmoid(log q), not scaled", _flows(scaled=False)),
    "features": Networks("flows on all features", _flows(view="features")),
    "quadratic": Networks("quadratic coupling, as published", _quadratic),
    "quarter": Networks("no flows, a quarter of the training events", lambda config: _no_flows(_fewer(4)(config))),
    "shipped": Networks("shipped weights: no flows, 10 times the training events", _no_flows, shipped=True),
}

FITS = {
    "fit": Fit("reference: the shipped likelihood and belt"),
    "no-0-jet": Fit("without events without a jet", without=("0-jet",)),
    "no-yields": Fit("shape only, no yields", LikelihoodConfig(shape_only=True)),
    "three": Fit("tes, jes, soft_met fitted", LikelihoodConfig(THREE, check_fit=False)),
    "two": Fit("tes, jes fitted", LikelihoodConfig(TWO, check_fit=False)),
    "own-error": Fit("Pratt belt that uses the estimate's error", belt=BeltConfig(use_error=True)),
    "pratt-wide": Fit("Pratt belt, μ in [0, 5]", belt=BeltConfig(mu_range=WIDE)),
    "central": Fit("central belt", belt=BeltConfig("central")),
    "central-wide": Fit("central belt, μ in [0, 5]", belt=BeltConfig("central", mu_range=WIDE)),
    "none": Fit("shape only, μ alone fitted", LIKELIHOODS["mu alone"]),
    "published": Fit(
        "as published: shape, tes and jes, no 0-jet, central, [0, 5]",
        LikelihoodConfig(TWO, shape_only=True, check_fit=False),
        BeltConfig("central", mu_range=WIDE),
        ("0-jet",),
    ),
}

VARIANTS = NETWORKS | FITS


def first_config(preset):
    """`Config` that the group "networks" starts from: `cnf` with a tenth of its training events, templates as exact.

    Their error would be larger than that of the shipped ones, and does not tell variants apart.
    """
    config = replace(PRESETS[BASES[preset]], likelihood=LikelihoodConfig(template_error=False))
    if preset != "full":
        return config
    flows = replace(config.networks.flows, events=80_000)  # type: ignore[type-var]
    networks = replace(config.networks, flows=flows, datasets=200)
    return replace(config, networks=networks, templates=replace(config.templates, rows=1_000_000))


def variant_record(name, preset):
    """All that a variant differs from others in, as JSON holds it: dict."""
    if name in NETWORKS:
        return NETWORKS[name].change(first_config(preset)).record() | {"shipped": NETWORKS[name].shipped}
    return {key: value for key, value in results.record(FITS[name]).items() if key != "label"}


class _ShippedScores(Training):
    """A `Training` whose networks are the shipped ones."""

    @property
    def steps(self):
        state = artifacts.load().histogram.scorer.state
        return super().steps | {"flows": lambda _: ({}, {}), "classifier": lambda _: ({}, state())}


def add_arguments(parser):
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--preset", choices=tuple(THROWS), default="full", help="size of the trainings and throws (default: full)")
    only = {"type": results.some_of("variant", VARIANTS), "default": tuple(VARIANTS), "metavar": "A,B"}
    add("--only", **only, help=f"of {', '.join(VARIANTS)}: default all")
    add_workers_arguments(parser)
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where networks are trained (default cpu)")
    add("--data", metavar="DIR", help="folder in the official format (default: simulated events, made on first use)")
    add("--output", type=Path, metavar="DIR", help="folder of the results (default: runs/ablation-PRESET)")
    add("--resume", action="store_true", help="keep what is there and go on, or add variants")
    results.add_docs_argument(parser)


def run(arguments):
    """Train and measure each variant, write table, figure and JSON."""
    usable_device(arguments.device)
    estimator, _ = load(artifacts.FOLDER)
    source = OfficialFolder(arguments.data or simulation.cached_folder(*SAMPLES[BASES[arguments.preset]]))
    output = arguments.output or Path("runs") / f"ablation-{arguments.preset}"
    shipped = files.read_json(artifacts.FOLDER / artifacts.MANIFEST)["sha256"]
    about = {"preset": arguments.preset, "data": source.fingerprint(), "shipped": shipped}
    about["throws"] = results.record(THROWS[arguments.preset])
    with output_folder(output):
        results.claim(output / ABOUT_FILE, about, arguments.resume)
        for name in VARIANTS:
            if name in arguments.only or (output / name / ROW_FILE).exists():
                (output / name).mkdir(exist_ok=True)
                results.claim(output / name / ABOUT_FILE, variant_record(name, arguments.preset), resume=True)
        for name in arguments.only:
            path = output / name / ROW_FILE
            if not path.exists():
                print(f"== {name}: {VARIANTS[name].label}", flush=True)
                files.write_json(path, _row(name, arguments, source, output, estimator))
        rows = results.kept_rows(output, VARIANTS, ROW_FILE)
        files.write_json(output / RESULT_FILE, {"settings": about, "variants": rows})
        ablation_figure.draw(output / "ablation.png", groups(rows))
    made = table(rows)
    print(made.text())
    page = {"ablation": made.markdown()}
    results.publish(arguments.docs, "results", page, [output / "ablation.png", output / RESULT_FILE])
    print(f"table and figure: {output}")


def _row(name, arguments, source, output, estimator):
    """What is kept of a variant: dict as from `measure`, or {"failed": why} where its training or its belt failed."""
    throws = THROWS[arguments.preset]
    if name in FITS:
        fit = FITS[name]
        likelihood = fit_likelihood(estimator, fit)
        try:
            return measure(likelihood, fit.belt, throws, arguments.workers, output / name / "throws")
        except TrainingFailed as error:
            return {"failed": str(error)}
    variant = NETWORKS[name]
    kind = _ShippedScores if variant.shipped else Training
    first = first_config(arguments.preset)
    config = variant.change(first)
    # A stage does not say whose networks it holds: shipped ones agree with others in all that they were made from.
    own = {key: other for key, other in NETWORKS.items() if not other.shipped}
    others = [Training(other.change(first), source, output / key) for key, other in own.items()]
    training = kind(config, source, output / name, arguments.device, arguments.workers)
    try:
        for stage in STAGES[:-1]:
            run_or_adopt(training, stage, [] if variant.shipped else others)
    except TrainingFailed as error:
        return {"failed": str(error)}
    templates = Templates(**{key: value.numpy() for key, value in training.state("templates")["templates"].items()})
    likelihood = Likelihood(templates, config.likelihood)
    row = measure(likelihood, config.belt, throws, arguments.workers, output / name / "throws")
    held_out = {} if variant.shipped else training.done("classifier")["held_out"]
    return row | {"auc": {category: (one["auc"], one["auc_error"]) for category, one in held_out.items()}}


def fit_likelihood(estimator, fit):
    """The `Likelihood` of a `Fit`, on the templates of an `Estimator`."""
    channels = estimator.histogram.channels
    kept = [np.arange(channel.start, channel.stop) for name, channel in channels.items() if name not in fit.without]
    shipped = limited(estimator.likelihood, np.concatenate(kept), PARAMETERS[1:])
    return Likelihood(shipped.templates, fit.likelihood)


def measure(likelihood, belt, throws, workers=1, checkpoint=None):
    """Intervals and coverage of a likelihood and a belt over the range of mu of the challenge.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        belt: `submission.confidence.BeltConfig`.
        throws: `training.neyman.NeymanConfig`.
        workers, checkpoint: as for `training.neyman.throw_all`.

    Returns:
        dict: mean "width" with its error, of which "scatter" is that of the check, and "redrawn" the widths by which
        the rest is known, as `neyman.redrawn_belts`; "flatness" of the coverage as `method.flatness`, the belt's error
        in that of the mean; "cramer_rao", the mean of the least width with the fitted nuisance parameters profiled;
        "rms" of mu_hat - mu over the range.
    """
    thrown = belt_throws(likelihood, belt.mu_range, throws, workers, checkpoint)
    checked = check_throws(likelihood, throws, workers, checkpoint)
    (made,) = make_belts(thrown, [belt])
    found, redrawn = check(made, checked), redrawn_belts(thrown, belt, checked, throws.seed)
    (width, scatter), (width_error, coverage_error) = found.mean_width, redrawn.errors()
    flat = flatness(found.mu, found.coverage, np.full(len(found.mu), throws.check_throws))
    bound = [row["profiled"] for row in widths(likelihood, found.mu)]
    return {
        "width": (width, float(np.hypot(scatter, width_error))),
        "scatter": scatter,
        "redrawn": redrawn.width.tolist(),
        "flatness": flat | {"mean_error": float(np.hypot(flat["mean_error"], coverage_error))},
        "cramer_rao": mean_over(found.mu, bound),
        "rms": float(np.sqrt(np.mean(found.rmse**2))),
    }


def groups(rows):
    """The variants of each group that have been measured, beside the group's first: list of (title, variants).

    Arguments:
        rows: dict from variant to its row.

    Returns:
        list of pairs: title, and list of dicts with label, "ratio" of the width to the first's and its error, "failed".
    """
    result = []
    for title, variants in (("networks trained anew", NETWORKS), ("likelihood and belt", FITS)):
        first = rows.get(next(iter(variants)))
        found = [(variants[name].label, rows[name]) for name in variants if name in rows]
        if first is None or "failed" in first or not found:
            continue
        result.append((title, [{"label": label, **_against(row, first)} for label, row in found]))
    return result


def _against(row, first):
    """Ratio of widths and its statistical error, belts redrawn alike; the first's scatter is common to all: not in."""
    if "failed" in row:
        return {"failed": row["failed"], "ratio": None}
    base = first["width"][0]
    belts = np.std(np.divide(row["redrawn"], first["redrawn"]), ddof=1)
    return {"ratio": (row["width"][0] / base, float(np.hypot(row["scatter"] / base, belts)))}


HEAD = ("variant", "interval", "relative", "coverage", "least, largest", "slope in μ", "Cramér-Rao", "AUC 1-jet, 2-jet")


def table(rows):
    """All groups as `Table`; `rows` is a dict from variant to its row."""
    lines = []
    measured = {one["label"]: one for _, variants in groups(rows) for one in variants}
    for name, row in rows.items():
        label = VARIANTS[name].label
        if "failed" in row:
            lines.append([label, f"failed: {row['failed']}", *[""] * (len(HEAD) - 2)])
            continue
        flat, ratio = row["flatness"], measured.get(label, {}).get("ratio")
        lines.append(
            [
                label,
                f"{row['width'][0]:.4f} ± {row['width'][1]:.4f}",
                f"{ratio[0]:.3f} ± {ratio[1]:.3f}" if ratio else "",
                f"{flat['mean']:.4f} ± {flat['mean_error']:.4f}",
                f"{flat['least']:.3f}, {flat['largest']:.3f}",
                f"{flat['slope']:+.4f} ± {flat['slope_error']:.4f}",
                f"{row['cramer_rao']:.4f}",
                ", ".join(f"{area:.4f}" for area, _ in row.get("auc", {}).values()),
            ]
        )
    return Table(HEAD, lines)
