"""What the trained method reaches: `python -m experiments method` (paper, sec. 6.2, Fig. 4 right and Fig. 6).

From the artifacts of `python -m training` and events that the networks were not trained on: how well scores separate
and how tes moves them, what the templates allow, the belt and its coverage; beside the paper's numbers where there are
any. Tables are printed, all numbers go into method.json.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy.special import expit, ndtri
from scipy.stats import chi2 as chi_squared

from experiments import method_figures, method_tables
from experiments.method_tables import BOTH
from experiments.results import add_docs_argument, publish
from ingestion_test import simulation
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.schema import FEATURES, PRIMARIES, PROCESSES
from ingestion_test.scoring import load_predictions, score_sets
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime import files
from runtime.arguments import add_workers_arguments, count
from runtime.errors import ChallengeError
from runtime.output import output_folder
from submission import artifacts
from submission.confidence import COVERAGE, BeltConfig
from submission.features import CATEGORIES, categories
from submission.likelihood import Likelihood
from submission.parameters import PARAMETERS
from submission.templates import SIGNAL, Templates
from training.networks import EFFICIENCIES
from training.neyman import (
    NeymanConfig,
    belt_throws,
    check,
    check_throws,
    cramer_rao_table,
    make_belts,
    redrawn_belts,
)
from training.samples import Sample, training_part

SUMMARY = "figures and tables of the trained method, beside the paper's numbers (sec. 6.2)"

TES = (0.97, 1.0, 1.03)
MUS = (0.1, 1.0, 2.0, 3.0)

#: Signal kept at the cut whose effect on shifted events is shown.
CUT_EFFICIENCY = 0.3

#: Moves of all estimates whose effect on the coverage is shown, in mu, and the throws at each true mu.
SHIFTS = (-0.03, 0.0, 0.015, 0.03)
SHIFT_THROWS = 4000

REPLICAS = 200  # bootstraps behind an error, and samples of simulated events beside the official ones
SEED = 20250509
DENSITY_BINS = 30


def add_arguments(parser):
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--data", metavar="DIR", help="events in the official format (default: a simulated sample, made on first use)")
    add("--output", type=Path, default=Path("runs/method"), metavar="DIR", help="default: runs/method")
    add("--events", type=count, default=400_000, metavar="N", help="rows to use at the most (default 400000)")
    add("--event-level", metavar="DIR", help="output folder of `python -m ingestion_test score`, for coverage")
    add("--official", metavar="DIR", help="folder with official events to compare the classifier on")
    add("--throws", type=count, default=100_000, metavar="N", help="behind the central belt drawn (default 100000)")
    add_workers_arguments(parser)
    add_docs_argument(parser)


def run(arguments):
    """Print all tables, draw all figures, write method.json."""
    # What is cheap comes first, so that a wrong folder is named before anything long begins.
    estimator, record = load(arguments.artifacts)
    optional = {}
    if arguments.event_level:
        optional["event_level"] = event_level(estimator.likelihood, arguments.event_level)
    if arguments.official:
        OfficialFolder(arguments.official)
    with output_folder(arguments.output, kept=""):
        _run(arguments, estimator, record, optional)


def _run(arguments, estimator, record, optional):
    source = OfficialFolder(arguments.data or simulation.cached_folder("default", seed=0))
    output, likelihood = arguments.output, estimator.likelihood
    scorer, random = estimator.histogram.scorer, np.random.default_rng(SEED)
    throws = NeymanConfig(belt_throws=arguments.throws, check_throws=SHIFT_THROWS, seed=SEED)

    sample = training_part(source, "held-out", arguments.events).with_jets()
    shifted = {tes: scored(scorer, sample, tes=tes) for tes in TES}
    nominal = shifted[1.0]
    thrown = belt_throws(likelihood, estimator.belt.config.mu_range, throws, arguments.workers)
    checked = check_throws(likelihood, throws, arguments.workers)
    result = {
        "data": {"events": source.fingerprint(), "networks_trained_on": record["data"], "rows": len(sample.weights)},
        "separation": separations(nominal, random),
        "separation_in_training": record["classifier"]["held_out"],
        "shifted": cut_shifts(shifted),
        "densities": densities(shifted, _signal_flows(record)),
        "yields": yields(estimator),
        "cramer_rao": cramer_rao(estimator),
        "belt": belts(estimator, thrown),
        "coverage": coverage(likelihood, record, thrown, checked),
        "common_shifts": common_shifts(estimator, checked),
        **optional,
    }
    if arguments.official:
        result["official"] = official(scorer, arguments.official, arguments.events, record["data"], nominal, random)

    shown = {name: output / f"{name}.png" for name in ("densities", "histogram", "belt", "coverage")}
    method_figures.densities(shown["densities"], result["densities"])
    method_figures.histogram(shown["histogram"], result["yields"]["bins"])
    method_figures.belt(shown["belt"], result["belt"])
    method_figures.coverage(shown["coverage"], result["coverage"], result.get("event_level"))
    files.write_json(output / "method.json", result)
    tables = method_tables.all_tables(result)
    print("\n\n".join(table.text() for table in tables.values()))
    page = {name: table.markdown() for name, table in tables.items()}
    publish(arguments.docs, "method", page, [*shown.values(), output / "method.json"])


def load(folder):
    """The `Estimator` of the artifacts in `folder`, and the record of how they were made.

    Raises:
        ChallengeError: they are missing, damaged, or not made by the four stages of the training.
    """
    try:
        estimator = artifacts.load(folder)
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}; --artifacts takes their folder") from error
    record = files.read_json(Path(folder) / artifacts.MANIFEST).get("record")
    missing = {"config", "data", "classifier", "neyman"} - (set(record) if isinstance(record, dict) else set())
    if missing:
        raise ChallengeError(f"the record in {folder} lacks {', '.join(sorted(missing))}: make it by the training")
    return estimator, record


# Scores of held-out events ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Scored:
    """Events of the categories with jets, as the classifier sees them: arrays (events,).

    Attributes:
        category: place in `features.CATEGORIES`.
        is_signal: whether an event is signal.
        weights: expected events at mu = 1.
        score: as the submission bins them, `submission.score.Scorer`.
        logit: the classifier's, of all events; without a gate it is the score.
        discrimination: (events, flows), the discrimination functions of the event's category.
    """

    category: np.ndarray
    is_signal: np.ndarray
    weights: np.ndarray
    score: np.ndarray
    logit: np.ndarray
    discrimination: np.ndarray

    def of(self, rows):
        """The events `rows`: whatever indexes arrays."""
        return Scored(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    def named(self):
        """dict from each category, and from `BOTH`, to its events."""
        return {name: self.of(self.category == number) for number, name in enumerate(CATEGORIES)} | {BOTH: self}


def scored(scorer, sample, **shifts):
    """The events of a `samples.Sample` that have jets, each once, with their weights: `Scored`.

    Unlike events drawn in proportion to their weights, these are independent of each other, which errors need.

    Arguments:
        scorer: `submission.score.Scorer`.
        sample: `samples.Sample`.
        shifts: `tes` and `jes` of `systematics.transform`.
    """
    features, kept = transform(sample.primaries, None, **shifts)
    columns = dict(zip(FEATURES, features.T))
    which = categories(columns)
    ungated = dataclasses.replace(scorer, gate=None)
    parts = []
    for number in range(len(CATEGORIES)):
        rows = np.flatnonzero(which == number)
        own = {name: values[rows] for name, values in columns.items()}
        logit = ungated.scores(own, number).astype(float)
        parts.append(
            Scored(
                np.full(len(rows), number),
                sample.is_signal[kept[rows]],
                sample.weights[kept[rows]],
                logit if scorer.gate is None else scorer.scores(own, number).astype(float),
                logit,
                scorer.discriminators[number](own) if scorer.discriminators else np.empty((len(rows), 0)),
            )
        )
    return Scored(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in dataclasses.fields(Scored)))


def separations(events, random):
    """`separation` of each category and of both together, which their yields weight; the latter also without gate."""
    named = events.named()
    if np.any(events.score != events.logit):
        named[f"{BOTH}, without gate"] = dataclasses.replace(events, score=events.logit)
    return {name: separation(own, random) for name, own in named.items()}


def separation(events, random, replicas=REPLICAS):
    """How well scores separate weighted events.

    Arguments:
        events: `Scored`.
        random: `numpy.random.Generator`, for the errors.
        replicas: bootstraps of the events.

    Returns:
        dict: "auc", the area under the ROC curve; "background_kept" at each of `EFFICIENCIES`; the standard errors of
        both; "signal_events" and "background_events" as numbers of rows.
    """
    auc, kept = _roc(events, events.weights)
    drawn = [_roc(events, events.weights * random.poisson(1.0, len(events.weights))) for _ in range(replicas)]
    auc_error, kept_error = (np.std(values, axis=0) for values in zip(*drawn))
    return {
        "auc": float(auc),
        "auc_error": float(auc_error),
        "background_kept": dict(zip(map(str, EFFICIENCIES), map(float, kept))),
        "background_kept_error": dict(zip(map(str, EFFICIENCIES), map(float, kept_error))),
        "signal_events": int(np.sum(events.is_signal)),
        "background_events": int(np.sum(~events.is_signal)),
    }


def _roc(events, weights):
    """Area under the ROC curve, and background kept at `EFFICIENCIES`, of events with other weights."""
    scores, place = np.unique(events.score, return_inverse=True)
    shares = []
    for own in (events.is_signal, ~events.is_signal):
        counts = np.bincount(place, weights * own, len(scores))
        shares.append(counts / counts.sum())
    signal, background = shares
    area = signal @ (np.cumsum(background) - background / 2)
    above = [np.concatenate([[0.0], np.cumsum(counts[::-1])]) for counts in shares]
    return area, np.interp(EFFICIENCIES, *above)


def cut_shifts(shifted):
    """Shares of signal and background above the score that keeps `CUT_EFFICIENCY` of the nominal signal.

    Arguments:
        shifted: dict from tes to `Scored`.

    Returns:
        dict: "signal_kept", the nominal share; "events", dict from category to a list of dicts: tes, the two shares
        and their errors (the events are the same at all tes, so differences are known better).
    """
    cuts = {}
    for name, events in shifted[1.0].named().items():
        order = np.argsort(events.score[events.is_signal])
        above = 1 - np.cumsum(events.weights[events.is_signal][order]) / events.weights[events.is_signal].sum()
        cuts[name] = events.score[events.is_signal][order][np.argmax(above <= CUT_EFFICIENCY)]
    result = {name: [] for name in cuts}
    for tes, events in shifted.items():
        for name, own in events.named().items():
            row = {"tes": tes}
            for kind, rows in (("signal", own.is_signal), ("background", ~own.is_signal)):
                weights, passed = own.weights[rows], own.score[rows] > cuts[name]
                share = np.average(passed, weights=weights)
                row[kind] = float(share)
                row[f"{kind}_error"] = float(np.sqrt(np.sum((weights * (passed - share)) ** 2)) / weights.sum())
            result[name].append(row)
    return {"signal_kept": CUT_EFFICIENCY, "events": result}


def _signal_flows(record):
    """Place and strength c of the flows that model signal: list of pairs, empty without flows."""
    flows = record["config"]["networks"]["flows"]
    if flows is None:
        return []
    pairs = zip(flows["training"]["models"], flows["training"]["strengths"])
    return [(place, strength) for place, (model, strength) in enumerate(pairs) if model == "S"]


def densities(shifted, flows):
    """Distributions of discrimination functions and scores (Fig. 6, left).

    Arguments:
        shifted: dict from tes to `Scored`.
        flows: place and strength of the flows shown, as from `_signal_flows`.

    Returns:
        list of panels, dicts: category, label of the variable, edges of the bins, and "curves", dicts with process
        class, tes, density per unit of the variable, and its error.
    """
    variables = [(f"discrimination by the flow of S, c = {c:g}", k) for k, c in flows]
    edges = np.linspace(0, 1, DENSITY_BINS + 1)
    panels = []
    for number, category in enumerate(CATEGORIES):
        for label, flow in [*variables, ("classifier's score", None)]:
            curves = []
            for tes, events in shifted.items():
                own = events.of(events.category == number)
                values = expit(own.logit) if flow is None else own.discrimination[:, flow]
                for kind, rows in (("signal", own.is_signal), ("background", ~own.is_signal)):
                    density, error = _density(values[rows], own.weights[rows], edges)
                    curves.append({"class": kind, "tes": tes, "density": density, "error": error})
            panels.append({"category": category, "variable": label, "edges": edges.tolist(), "curves": curves})
    return panels


def _density(values, weights, edges):
    """Density of weighted values in bins and its error, two lists."""
    scale = 1 / (weights.sum() * np.diff(edges))
    counts, squares = (np.histogram(values, edges, weights=w)[0] for w in (weights, weights**2))
    return (counts * scale).tolist(), (np.sqrt(squares) * scale).tolist()


# Templates and what they allow ------------------------------------------------------------------------------------


def yields(estimator):
    """Expected events at mu = 1 and 10/fb: per channel and bin ("bins"), and in the sum of a channel ("channels").

    The latter have the largest S/B of a bin and the square root of the sum of S^2/B over the bins, which is 1 over the
    error of mu at mu = 0 if all else is known.
    """
    nominal, variance = estimator.likelihood.templates.nominal, estimator.likelihood.templates.variance
    result = {"bins": {}, "channels": {}}
    for name, own in estimator.histogram.channels.items():
        counts = nominal[:, own]
        background = np.maximum(counts.sum(axis=0) - counts[SIGNAL], 1e-9)
        ratio = counts[SIGNAL] / background
        errors = np.sqrt(variance[SIGNAL, own] + ratio**2 * np.delete(variance[:, own], SIGNAL, axis=0).sum(axis=0))
        result["bins"][name] = dict(zip(PROCESSES, counts.tolist())) | {"ratio_error": (errors / background).tolist()}
        result["channels"][name] = {
            "bins": counts.shape[1],
            **dict(zip(PROCESSES, counts.sum(axis=1).tolist())),
            "best_ratio": float(np.max(ratio)),
            "significance": float(np.sqrt(np.sum(counts[SIGNAL] * ratio))),
        }
    return result


def cramer_rao(estimator):
    """Cramer-Rao widths 2 sigma at `MUS`, from the templates.

    Returns:
        dict from "all bins" and `BOTH` (the paper has no others) to lists of dicts: mu, and the width with the nuisance
        parameters "known", all six "profiled", and "tes_jes" alone profiled (the others then known).
    """
    likelihood, channels = estimator.likelihood, estimator.histogram.channels
    jets = np.concatenate([np.arange(likelihood.templates.bins)[channels[name]] for name in CATEGORIES])
    result = {}
    for name, bins in (("all bins", np.arange(likelihood.templates.bins)), (BOTH, jets)):
        result[name] = widths(limited(likelihood, bins, PARAMETERS[1:]), MUS, tes_jes=("tes", "jes"))
    return result


def limited(likelihood, bins, nuisance):
    """The likelihood of some of the bins and nuisance parameters."""
    templates = likelihood.templates
    fewer = Templates(templates.coefficients[:, :, bins], templates.variance[:, bins])
    return Likelihood(fewer, dataclasses.replace(likelihood.config, nuisance=nuisance))


def widths(likelihood, mus, **subsets):
    """Cramer-Rao widths at any mu, as `training.neyman.cramer_rao_table`."""
    return cramer_rao_table(likelihood, NeymanConfig(bound_mus=tuple(map(float, mus)), seed=SEED), **subsets)


# Belt and coverage ------------------------------------------------------------------------------------------------


def belts(estimator, thrown):
    """The acceptance region of the shipped belt and of the central one made from the `neyman.Throws` `thrown`.

    Returns:
        "range" of mu_hat drawn, and per belt lists over true mu: "mu", and "low" and "high", the ends of the region.
    """
    shipped = estimator.belt
    shown = {f"shipped ({shipped.config.ordering})": shipped}
    if shipped.config.ordering != "central":
        (shown["central"],) = make_belts(thrown, [dataclasses.replace(shipped.config, ordering="central")])
    ends = np.quantile(thrown.mu_hat[thrown.valid], (0.002, 0.998))
    grid = np.linspace(*ends, 2001)
    return {"range": ends.tolist(), "regions": {name: acceptance(belt, grid) for name, belt in shown.items()}}


def acceptance(belt, mu_hat):
    """The mu_hat that a belt accepts at each true mu, for data sets with the usual error.

    Arguments:
        belt: `submission.confidence.Belt`.
        mu_hat: rising array, within which the region is looked for; where it reaches beyond, it ends there.

    Returns:
        dict of lists: "mu", "low", "high"; None where nothing is accepted.
    """
    margin = belt.margin(mu_hat, np.zeros(len(mu_hat))).T
    low: list[float | None] = []
    high: list[float | None] = []
    for row in margin:
        inside = np.flatnonzero(row > 0)
        if not len(inside):
            low.append(None)
            high.append(None)
            continue
        for ends, step, place in ((low, -1, inside[0]), (high, 1, inside[-1])):
            beyond = place + step
            if 0 <= beyond < len(row):
                part = row[place] / (row[place] - row[beyond])
                ends.append(float(mu_hat[place] + part * (mu_hat[beyond] - mu_hat[place])))
            else:
                ends.append(float(mu_hat[place]))
    return {"mu": belt.mu.tolist(), "low": low, "high": high}


def coverage(likelihood, record, thrown, checked):
    """Coverage and width of the belts at histogram level, as the training found them.

    Their errors include that of the belt, redrawn from `thrown` and brought to the number of throws of the training.

    Arguments:
        likelihood: `submission.likelihood.Likelihood`.
        record: of the training.
        thrown, checked: `neyman.Throws` for belts and for their check.

    Returns:
        dict: "cramer_rao", the widths at the same mu, "mean_cramer_rao", the mean of those with six nuisance parameters
        profiled, and "mean_cut", the same for intervals of +-1 sigma that end at the ends of the range; and per belt
        its "table", "flatness", "width" with its error, and "ratio" of it to "mean_cramer_rao".
    """
    found, config = record["neyman"], record["config"]
    number, belt = config["neyman"]["check_throws"], BeltConfig(**config["belt"])
    scale = np.sqrt(len(thrown.mu) / config["neyman"]["belt_throws"])
    mu = np.array([row["mu"] for row in found["shipped_table"]])
    bound = widths(limited(likelihood, np.arange(likelihood.templates.bins), PARAMETERS[1:]), mu)
    mean_bound = mean_over(mu, [row["profiled"] for row in bound])
    cut = cut_widths(mu, np.array([row["profiled"] for row in bound]) / 2, belt.mu_range)
    result = {"cramer_rao": bound, "mean_cramer_rao": mean_bound, "mean_cut": mean_over(mu, cut), "belts": {}}
    for name, own in (("shipped", belt), ("central", dataclasses.replace(belt, ordering="central"))):
        table, (width, scatter) = found[f"{name}_table"], found[f"{name}_width"]
        flat = flatness(mu, [row["coverage"] for row in table], np.full(len(mu), number))
        width_error, coverage_error = scale * np.array(redrawn_belts(thrown, own, checked, SEED).errors())
        error = float(np.hypot(scatter, width_error))
        result["belts"][name] = {
            "table": table,
            "flatness": flat | {"mean_error": float(np.hypot(flat["mean_error"], coverage_error))},
            "width": width,
            "width_error": error,
            "ratio": width / mean_bound,
            "ratio_error": error / mean_bound,
        }
    return result


def common_shifts(estimator, checked):
    """Coverage at histogram level where all estimates are moved alike, as a finite sample of events moves them.

    Arguments:
        estimator: `submission.estimator.Estimator`.
        checked: `neyman.Throws`, as many at each true mu.

    Returns:
        list of dicts: "shift" of mu_hat, and what `flatness` says.
    """
    result = []
    for shift in SHIFTS:
        found = check(estimator.belt, dataclasses.replace(checked, mu_hat=checked.mu_hat + shift))
        number = np.full(len(found.mu), len(checked.mu) // len(found.mu))
        result.append({"shift": shift, **flatness(found.mu, found.coverage, number)})
    return result


def cut_widths(mu, sigma, ends):
    """Mean length of mu_hat +- sigma cut at the `ends` of the range, for normal mu_hat around `mu`: array (mus,)."""
    quantiles = ndtri((np.arange(2000) + 0.5) / 2000)
    mu_hat = np.asarray(mu)[:, None] + np.asarray(sigma)[:, None] * quantiles
    low, high = (np.clip(mu_hat + side * np.asarray(sigma)[:, None], *ends) for side in (-1, 1))
    return (high - low).mean(axis=1)


def mean_over(mu, values):
    """Mean over the range of mu by the trapezium rule."""
    return float(np.trapezoid(values, mu) / (mu[-1] - mu[0])) if len(mu) > 1 else float(values[0])


def flatness(mu, share, number):
    """Whether coverage is the same, and as it should be, at all true mu.

    Errors are those that the nominal coverage would have: sqrt(0.6827 (1 - 0.6827) / number).

    Arguments:
        mu: array (mus,).
        share: array (mus,), coverage at each.
        number: array (mus,), pseudo-experiments at each.

    Returns:
        dict: "mean" with its error, "least" and "largest" coverage, "chi2" of the nominal coverage at all mu, its
        degrees of freedom "dof" and "p"; "slope" of a linear fit in mu with its error, None for a single mu.
    """
    mu, share, weight = np.asarray(mu), np.asarray(share), np.asarray(number) / (COVERAGE * (1 - COVERAGE))
    several = len(np.unique(mu)) > 1
    mean, centre = np.average(share, weights=weight), np.average(mu, weights=weight)
    chi2 = float(np.sum(weight * (share - COVERAGE) ** 2))
    spread = float(np.sum(weight * (mu - centre) ** 2))
    return {
        "mean": float(mean),
        "mean_error": float(np.sum(weight) ** -0.5),
        "least": float(np.min(share)),
        "largest": float(np.max(share)),
        "chi2": chi2,
        "dof": len(mu),
        "p": float(chi_squared.sf(chi2, len(mu))),
        "slope": float(np.sum(weight * (mu - centre) * share) / spread) if several else None,
        "slope_error": spread**-0.5 if several else None,
    }


def load_run(folder):
    """`scoring.Predictions` of a run whose pseudo-experiments vary all six nuisance parameters, as throws do.

    Raises:
        ChallengeError: as `scoring.load_predictions`, or it does not vary them all.
    """
    predictions = load_predictions(folder)
    varied = predictions.settings.get("systematics")
    held = [name for name in NUISANCE_NAMES if not (isinstance(varied, dict) and varied.get(name))]
    if held:
        raise ChallengeError(f"{folder} is a run that did not vary {', '.join(held)}: give one that varies all six")
    return predictions


def event_level(likelihood, folder):
    """Coverage and width of pseudo-experiments of events, from the output folder of an ingestion.

    Returns:
        dict: "table", per true mu its number of pseudo-experiments, coverage, width, bias, their errors, and the
        Cramer-Rao width; "flatness"; mean "width"; "ratio" of it to the mean Cramer-Rao width at the same mu.

    Raises:
        ChallengeError: as `load_run`.
    """
    predictions = load_run(folder)
    scores = score_sets(predictions.settings["ground_truth_mus"], predictions.results)
    sets = sorted(scores.sets, key=lambda one: one.mu)
    bound = widths(limited(likelihood, np.arange(likelihood.templates.bins), PARAMETERS[1:]), [s.mu for s in sets])
    table = []
    for one, least in zip(sets, bound):
        width, residual, root = np.abs(one.p84 - one.p16), one.mu_hats - one.mu, np.sqrt(one.size)
        table.append(
            {
                "mu": one.mu,
                "number": one.size,
                "coverage": one.coverage,
                "coverage_error": float(np.sqrt(COVERAGE * (1 - COVERAGE)) / root),
                "width": one.interval,
                "width_error": float(width.std() / root),
                "bias": float(residual.mean()),
                "bias_error": float(residual.std() / root),
                "cramer_rao": least["profiled"],
            }
        )
    columns = {name: np.array([row[name] for row in table]) for name in table[0]}
    width, error = columns["width"].mean(), np.sqrt(np.sum(columns["width_error"] ** 2)) / len(table)
    mean_bound = columns["cramer_rao"].mean()
    return {
        "table": table,
        "flatness": flatness(columns["mu"], columns["coverage"], columns["number"]),
        "width": float(width),
        "width_error": float(error),
        "ratio": float(width / mean_bound),
        "ratio_error": float(error / mean_bound),
    }


# Official events --------------------------------------------------------------------------------------------------


def official(scorer, folder, most, trained_on, simulated, random):
    """The classifier on official events, and on as many simulated ones.

    Arguments:
        scorer: `submission.score.Scorer`.
        folder: in the official format.
        most: rows to read at the most, the first ones: the training reads none of the first 30%.
        trained_on: fingerprint of the data that the networks were trained on.
        simulated: `Scored`, simulated events at nominal nuisance parameters.
        random: `numpy.random.Generator`.

    Returns:
        dict: `separation` of 1- and 2-jet events, "weighted" by the events' weights within each class and "unweighted";
        "simulated": mean and standard deviation of the AUC of some samples with as many events of each class,
        drawn from `simulated` in proportion to their weights.

    Raises:
        ChallengeError: as `sources.OfficialFolder`, or there are no 1- and 2-jet events of both classes.
    """
    source = OfficialFolder(folder)
    rows = min(most, source.test_rows if source.fingerprint() == trained_on else source.total_rows)
    events = scored(scorer, read_sample(source, rows))
    numbers = [int(np.sum(events.is_signal)), int(np.sum(~events.is_signal))]
    if not all(numbers):
        raise ChallengeError(f"{folder} has {numbers[0]} signal and {numbers[1]} background events with jets: use more")
    samples = (_as_many(simulated, numbers, random) for _ in range(REPLICAS))
    areas = [_roc(sample, sample.weights)[0] for sample in samples]
    unit = dataclasses.replace(events, weights=np.ones(len(events.weights)))
    return {
        "weighted": separation(events, random),
        "unweighted": separation(unit, random),
        "simulated": {"auc": float(np.mean(areas)), "auc_spread": float(np.std(areas)), "samples": REPLICAS},
    }


def read_sample(source, rows):
    """The first `rows` rows of an `OfficialFolder`: `samples.Sample`, weights as in the file."""
    columns = [*PRIMARIES, "weights", "detailed_labels"]
    parts, number = [], 0
    for batch in pq.ParquetFile(source.path).iter_batches(columns=columns):
        parts.append(batch.slice(0, rows - number).to_pandas())
        number += len(parts[-1])
        if number == rows:
            break
    frame = pd.concat(parts, ignore_index=True)
    process = np.select([frame["detailed_labels"] == name for name in PROCESSES], range(len(PROCESSES)))
    primaries = np.ascontiguousarray(frame[list(PRIMARIES)].to_numpy(np.float32))
    return Sample(primaries, frame["weights"].to_numpy(np.float64), process)


def _as_many(events, numbers, random):
    """Signal and background events, as many as `numbers` says, drawn in proportion to their weights: `Scored`."""
    rows = []
    for number, own in zip(numbers, (events.is_signal, ~events.is_signal)):
        own = np.flatnonzero(own)
        rows.append(random.choice(own, number, p=events.weights[own] / events.weights[own].sum()))
    return dataclasses.replace(events.of(np.concatenate(rows)), weights=np.ones(sum(numbers)))
