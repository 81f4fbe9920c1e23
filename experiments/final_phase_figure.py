"""Figure of the final phase: coverage of each set, and the bootstrapped score with other seeds."""

import matplotlib

from experiments.results import save_figure
from ingestion_test.scoring import ONE_SIGMA, sigma68

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: Mean bootstrapped score of the challenge's winners, and what the paper's interval would get with coverage 0.6827 in
#: all sets (method.md, section 6), with the styles of their lines.
MARKS = {"winners of the challenge": (-0.58, ":"), "the paper's interval, coverage exact": (0.69, "--")}


def draw(path, result, experiments):
    """Draw a result of `final_phase.run`, of sets of so many `experiments`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(3, 2), layout="constrained")
    error = sigma68(experiments)
    left.axhspan(ONE_SIGMA - error, ONE_SIGMA + error, color="0.9", label="68.27% ± 1 sigma of a set")
    left.axhline(ONE_SIGMA, color="black", lw=0.8)
    mu, share = ([x for one in result["repeated"] for x in one[name]] for name in ("mu", "coverage_of_sets"))
    left.plot(mu, share, ".", color="0.6", label="other seeds")
    first = result["first"]
    style = {"fmt": "o", "color": "#0072B2", "capsize": 2, "label": f"seed {result['seed']}"}
    left.errorbar(first["mu"], first["coverage_of_sets"], error, **style)
    left.set(xlabel="true μ", ylabel="coverage of a set")
    others = [one["bootstrapped_score"] for one in result["repeated"]]
    ends = min(-0.8, *others), max(1.2, *others)
    right.hist(others, bins=int((ends[1] - ends[0]) / 0.04), range=ends, color="0.7", label="other seeds")
    right.yaxis.get_major_locator().set_params(integer=True)
    right.axvline(first["bootstrapped_score"], color="#0072B2", label=f"seed {result['seed']}")
    for label, (value, line) in MARKS.items():
        right.axvline(value, color="#D55E00", ls=line, label=label)
    right.set(xlabel="mean bootstrapped score", ylabel="final phases")
    for axes in (left, right):
        axes.legend(fontsize="small")
    save_figure(figure, path, dpi=80)
    plt.close(figure)
