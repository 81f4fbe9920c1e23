"""The final phase: `python -m experiments final` (docs/protocol.md#final-phase), by events and at histogram level.

A run of `python -m ingestion_test score` (`--event-level`) is shown beside counts thrown from the shipped templates,
of which 10,000 pseudo-experiments take seconds. The true mu and the nuisance parameters of the throws are those that
`score` draws with the same seed; final phases with other seeds say how much is chance.
"""

from pathlib import Path

import numpy as np

from experiments import final_phase_figure
from experiments.method import load_run
from experiments.results import add_docs_argument, publish
from ingestion_test.ingestion import DEFAULT_SEED, JOURNAL_FILE, RunSettings
from ingestion_test.journal import Journal
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import ground_truth_mus
from ingestion_test.scoring import bootstrap, score_sets, sigma68, summary_table
from runtime.arguments import count, seed
from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.output import output_folder
from runtime.tables import Table
from submission import artifacts
from submission.parameters import PARAMETERS
from training.neyman import with_template_error

SUMMARY = "the final phase, 10 x 1000 pseudo-experiments with bootstraps, from events and from templates"

#: What is kept of a final phase as one number: key and title.
NUMBERS = {
    "bootstrapped_score": "score, mean of 1000 bootstraps",
    "bootstrapped_score_deviation": "score, standard deviation of the bootstraps",
    "score": "score of all pseudo-experiments",
    "coverage": "coverage",
    "coverage_spread": "coverage of the sets, standard deviation",
    "interval": "interval",
}

#: Files that the page shows or names.
SHOWN = ("final-phase.png", "final.json")

#: Moves of all estimates, in mu, under which the final phases are scored again: a finite sample of events makes such.
MOVES = (-0.03, -0.015, 0.0, 0.015, 0.03)


def add_arguments(parser):
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--sets", type=count, default=10, metavar="N", help="true values of mu (default 10)")
    add("--experiments", type=count, default=1000, metavar="N", help="pseudo-experiments of each (default 1000)")
    add("--seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"as of `score` (default {DEFAULT_SEED})")
    add("--repeats", type=count, default=20, metavar="N", help="final phases with other seeds, for the spread")
    add("--event-level", metavar="DIR", help="output folder of `score` with the same seed, to compare with")
    add("--output", type=Path, default=Path("runs/final"), metavar="DIR", help="default: runs/final")
    add_docs_argument(parser)


def run(arguments):
    """Print the scores of the final phase and their spread, write final.json and a figure."""
    # What is cheap comes first, so that a wrong folder is named before anything long begins.
    try:
        estimator = artifacts.load(arguments.artifacts)
    except artifacts.ArtifactError as error:
        raise ChallengeError(f"{error}; --artifacts takes their folder") from error
    events = load_events(arguments.event_level, arguments.seed) if arguments.event_level else None
    with output_folder(arguments.output, kept=""):
        _run(arguments, estimator, events)


def _run(arguments, estimator, events):
    settings = RunSettings(arguments.sets, arguments.experiments, seed=arguments.seed)
    size = settings.num_sets, settings.num_experiments
    scores = throw_phase(estimator, *size, arguments.seed)
    print(summary_table(scores, None, bootstrap(scores)))
    seeds = [arguments.seed + 10**6 * (1 + i) for i in range(arguments.repeats)]
    moved: dict[float, list] = {move: [] for move in MOVES}
    for one in seeds:
        fits = fit_phase(estimator, *size, one)
        for move, found in moved.items():
            found.append(summary(phase_scores(estimator, fits, move)))
    result = {"seed": arguments.seed, "templates": summary(scores), "repeated": moved[0.0]}
    result["moved"] = [{"move": move, **_mean_and_spread(found)} for move, found in moved.items()]
    if events is not None:
        result |= {"events": summary(events[0]), "comparison": compare(estimator, *events)}
    write_json(arguments.output / "final.json", result)
    final_phase_figure.draw(arguments.output / "final-phase.png", result)
    made = list(tables(result))
    print("", *(table.text() for table in made), sep="\n\n")
    page = "\n".join(table.markdown() for table in made)
    publish(arguments.docs, "results", {"final": page}, [arguments.output / name for name in SHOWN])


def parameters(mu, seed):
    """All parameters of a pseudo-experiment as `score` draws them, array (7,), as `PARAMETERS`."""
    nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
    return np.array([mu, *(nuisance[name] for name in PARAMETERS[1:])])


def throw_phase(estimator, sets, experiments, seed, move=0.0):
    """`scoring.Scores` of pseudo-experiments thrown from an `Estimator`'s templates, all mu_hat moved by `move`."""
    return phase_scores(estimator, fit_phase(estimator, sets, experiments, seed), move)


def fit_phase(estimator, sets, experiments, seed):
    """The fits of pseudo-experiments thrown from an `Estimator`'s templates: of each set mu and a `FitResult`."""
    seeds = official_seeds(seed, [experiments] * sets)
    return [(mu, _fit(estimator, mu, own)) for mu, own in zip(ground_truth_mus(sets, seed), seeds)]


def phase_scores(estimator, fits, move=0.0):
    """`scoring.Scores` of fits, as `fit_phase` returns them, all mu_hat moved by `move`."""
    return score_sets([mu for mu, _ in fits], [_result(estimator.belt, fit, move) for _, fit in fits])


def official_seeds(seed, sizes):
    """Seeds of the pseudo-experiments of sets of so many, as `score` and the official program have them: arrays."""
    return [seed + number * size + np.arange(size) for number, size in enumerate(sizes)]


def _fit(estimator, mu, seeds):
    """Fits of one set: counts drawn from the templates, with the parameters that `score` draws for these seeds."""
    values = np.stack([parameters(mu, int(one)) for one in seeds])
    random = np.random.default_rng([int(seeds[0]), len(seeds)])
    expected = with_template_error(estimator.likelihood, estimator.likelihood.templates.expected(values), random)
    return estimator.likelihood.fit(random.poisson(expected))


def _result(belt, fit, move):
    """Result of one set as ingestion writes it, dict of arrays, all mu_hat of the `FitResult` moved by `move`."""
    moved = fit.mu_hat + move
    intervals = belt.intervals(moved, fit.sigma, fit.valid)
    half = (intervals.p84 - intervals.p16) / 2
    mu_hat = np.clip(moved, *belt.config.mu_range)
    return {"mu_hats": mu_hat, "delta_mu_hats": half, "p16": intervals.p16, "p84": intervals.p84}


def summary(scores):
    """What is kept of a final phase: the `NUMBERS` and, per set, lists."""
    drawn = bootstrap(scores).summary()
    coverages = [one.coverage for one in scores.sets]
    return {
        "coverage": scores.coverage,
        "coverage_spread": float(np.std(coverages)),
        "interval": scores.interval,
        "score": scores.quantiles_score,
        "bootstrapped_score": drawn["quantiles_score"]["mean"],
        "bootstrapped_score_deviation": drawn["quantiles_score"]["std"],
        "mu": [one.mu for one in scores.sets],
        "coverage_of_sets": coverages,
        "interval_of_sets": [one.interval for one in scores.sets],
        "size_of_sets": [one.size for one in scores.sets],
    }


def _mean_and_spread(summaries):
    """Mean and standard deviation of the `NUMBERS` of several final phases."""
    values = {name: [one[name] for one in summaries] for name in NUMBERS}
    return {name: (float(np.mean(own)), float(np.std(own))) for name, own in values.items()}


def load_events(folder, seed):
    """A run of `score`, or of the official program.

    Returns:
        (`scoring.Scores`, seeds of the pseudo-experiments of each set: list of arrays). Where there is a journal the
        seeds are its: a run may be the first pseudo-experiments of the sets of a longer one.

    Raises:
        ChallengeError: the run is of another seed, or its files are not as they should be; as `method.load_run`.
    """
    predictions = load_run(folder)
    mus = np.array(predictions.settings["ground_truth_mus"])
    if not np.array_equal(mus, ground_truth_mus(len(mus), seed)):
        raise ChallengeError(f"{folder} has other true mu than --seed {seed} gives: name the seed that `score` had")
    sizes, journal = [len(result["p16"]) for result in predictions.results], Path(folder) / JOURNAL_FILE
    seeds = official_seeds(seed, sizes)
    if journal.exists():
        outcomes = Journal(journal, {}, resume=True).outcomes
        if sorted(outcomes) != [(i, j) for i, size in enumerate(sizes) for j in range(size)]:
            raise ChallengeError(
                f"{journal} has other pseudo-experiments than the results beside it: run `score` again"
            )
        seeds = [np.array([outcomes[i, j].experiment.seed for j in range(size)]) for i, size in enumerate(sizes)]
    return score_sets(mus, predictions.results), seeds


def compare(estimator, events, seeds):
    """A run of `score` beside the templates' throws for the same pseudo-experiments.

    Arguments:
        estimator: `submission.estimator.Estimator`.
        events: `scoring.Scores` of the run.
        seeds: of its pseudo-experiments: of each set an array.

    Returns:
        list of dicts: "quantity", its mean of "events" and of "templates", and the "error" of their difference, from
        its scatter within the sets; the bias of mu_hat in units of half an interval.
    """
    mus = [one.mu for one in events.sets]
    thrown = phase_scores(estimator, [(mu, _fit(estimator, mu, own)) for mu, own in zip(mus, seeds)])
    result = []
    for name, values in {
        "interval": lambda one: one.p84 - one.p16,
        "coverage": lambda one: ((one.p16 <= one.mu) & (one.mu <= one.p84)).astype(float),
        "bias of mu_hat in half intervals": lambda one: (one.mu_hats - one.mu) / np.mean(one.delta_mu_hats),
    }.items():
        pairs = [(values(one), values(other)) for one, other in zip(events.sets, thrown.sets)]
        ours, theirs = map(np.concatenate, zip(*pairs))
        # Both have the same mu and nuisance parameters, whose spread is in no difference.
        variance = sum(len(own) * np.var(own - other) for own, other in pairs)
        means = {"events": float(ours.mean()), "templates": float(theirs.mean())}
        result.append({"quantity": name, "number": len(ours), **means, "error": float(np.sqrt(variance) / len(ours))})
    return result


def tables(result):
    """The result as tables, `Table`."""
    shown = {kind: result[kind] for kind in ("events", "templates") if kind in result}
    repeated, phases = _mean_and_spread(result["repeated"]), len(result["repeated"])
    rows = [
        [title, *(f"{one[name]:.4f}" for one in shown.values()), f"{repeated[name][0]:.4f} ± {repeated[name][1]:.4f}"]
        for name, title in NUMBERS.items()
    ]
    head = [f"{kind}, {_size(one)}" for kind, one in shown.items()]
    others = f"templates, {phases} other seeds: mean ± standard deviation"
    yield Table([f"seed {result['seed']}", *head, others], rows)
    columns = ("mu", "coverage_of_sets", "size_of_sets", "interval_of_sets")
    sets = [sorted(zip(*(one[name] for name in columns))) for one in shown.values()]
    rows = [
        [f"{own[0][0]:.3f}"]
        + [text for _, share, size, width in own for text in (f"{share:.4f} ± {sigma68(size):.4f}", f"{width:.4f}")]
        for own in zip(*sets)
    ]
    yield Table(["true μ", *(f"{name}, {kind}" for kind in shown for name in ("coverage", "interval"))], rows)
    rows = [
        [f"{one['move']:+.3f}", *(f"{one[name][0]:.4f}" for name in ("coverage", "coverage_spread"))]
        + [f"{one['bootstrapped_score'][0]:.3f} ± {one['bootstrapped_score'][1]:.3f}"]
        for one in result["moved"]
    ]
    yield Table(["all μ̂ moved by", "coverage", "its standard deviation over the sets", "bootstrapped score"], rows)
    if "comparison" in result:
        rows = [
            [one["quantity"], *(f"{one[name]:.4f}" for name in ("events", "templates", "error"))]
            for one in result["comparison"]
        ]
        number = result["comparison"][0]["number"]
        yield Table([f"{number} pseudo-experiments", "events", "templates", "error of the difference"], rows)


def _size(one):
    """Sets and pseudo-experiments of a `summary`, as text."""
    return f"{len(one['mu'])} x {one['size_of_sets'][0]}"
