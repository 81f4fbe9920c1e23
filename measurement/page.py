"""The page of one measurement: one HTML file that needs no other, the figures beside it as PNG, all numbers as JSON."""

# ruff: noqa: RUF001 (Greek letters and minus signs are meant)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ingestion_test import report
from ingestion_test.score_table import number
from runtime.files import replaced, write_json
from submission.parameters import PRIORS

from . import figures
from .explanation import Explanation
from .figures import Drawing

HTML_FILE, JSON_FILE = "measurement.html", "measurement.json"

#: What the words of the page mean.
WORDS = {
    "μ, μ̂": "The signal strength: the number of Higgs bosons relative to that of the Standard Model; its estimate.",
    "Channel, bin": "Events with one jet, with two or more, and without one, each sorted into bins; the counts of all "
    "bins are the data of the fit.",
    "Templates": "The events that are expected in each bin, as functions of μ and of the nuisance parameters.",
    "Nuisance parameter, pull": "A property of detector or theory that is known only roughly; its distance from what "
    "is known beforehand, in units of that knowledge's width, the prior.",
    "Profile likelihood": "How well each μ describes the data, −2 ln L, all nuisance parameters fitted anew.",
    "p-value": "The probability of data that are described as badly or worse where the templates are right.",
    "Belt": "A table of the estimates that each μ gives in 68.27% of the cases; read the other way round it turns "
    "an estimate into an interval.",
}

#: A p-value below this is warned of.
LEAST_P_VALUE = 0.001

Row = tuple[object, ...]


@dataclass(frozen=True)
class Plot:
    """A plot with its caption, and the name of its PNG file."""

    file: str
    title: str
    text: str
    drawing: Drawing

    @property
    def svg(self) -> str:
        """The SVG element."""
        return self.drawing.svg


@dataclass(frozen=True)
class Section:
    """A headline with texts, plots and tables (heads and rows) below it."""

    title: str
    plots: Sequence[Plot] = ()
    texts: Sequence[str] = ()
    tables: Sequence[tuple[Row, Sequence[Row]]] = field(default_factory=list)


def write_page(folder: Path, shown: Explanation) -> Path:
    """Write page, figures and numbers into `folder`, which is there; returns the path of the page.

    Raises:
        OSError: a file cannot be written.
    """
    content, sections = shown.content(), _sections(shown)
    here = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {}  # the keys in our order
    page = environment.get_template("page.html.jinja").render(
        style=report.style(),
        summary=summary(shown),
        warnings=_warnings(shown),
        tiles=_tiles(shown),
        sections=sections,
        words=list(WORDS.items()),
        content=content,
    )
    for plot in (plot for section in sections for plot in section.plots):
        with replaced(folder / f"{plot.file}.png", "wb") as file:
            file.write(plot.drawing.png)
    write_json(folder / JSON_FILE, content)
    with replaced(folder / HTML_FILE, "wb") as file:
        file.write(page.encode(errors="backslashreplace"))  # the name of a file may hold bytes that are no text
    return folder / HTML_FILE


def summary(shown: Explanation) -> str:
    """Two sentences that say what was measured."""
    estimate, (low, high) = shown.estimate, shown.likelihood_intervals[0]
    inside = ""
    if shown.truth is not None:
        holds = estimate.p16 <= shown.truth.mu <= estimate.p84
        inside = f" (the true one, {number(shown.truth.mu)}, lies {'within' if holds else 'outside'})"
    with_sample = "" if shown.sample is None else f", or {shown.sample.p_value:.2g} given the finite sample of events"
    return (
        f"In {shown.title}, {shown.events:,.0f} events in {sum(len(channel.data) for channel in shown.channels)} bins "
        f"give the signal strength μ̂ = {number(shown.belt['mu_hat'])} ± {number(estimate.sigma)}, and the "
        f"belt makes of it the 68.27% interval from {number(estimate.p16)} to {number(estimate.p84)}{inside}. "
        f"The profile likelihood alone would give {number(low)} to {number(high)}, and its goodness of fit is "
        f"−2 ln L = {estimate.twice_nll:.1f} for {estimate.degrees_of_freedom} degrees of freedom, a p-value of "
        f"{shown.p_value:.2g}{with_sample}."
    )


def _warnings(shown: Explanation) -> list[str]:
    texts = []
    if not shown.estimate.valid:
        texts.append(
            "The fit is not valid: the templates do not describe these data, and the interval is the whole range."
        )
    if shown.widening:
        texts.append(
            f"The interval is the belt's, longer at both ends by {shown.widening:.2f} errors of μ̂: the submission's "
            "tables do not describe the training events, and it had no time to make others."
        )
    if shown.sample is None and shown.p_value < LEAST_P_VALUE:
        texts.append(
            f"The templates hardly describe these data: the p-value of the fit is {shown.p_value:.2g}. Events that are "
            "drawn from a finite sample have its error too, which a page about a pseudo-experiment takes into account."
        )
    if shown.sample is not None and shown.sample.chi2_p_value < LEAST_P_VALUE:
        texts.append(
            "The templates hardly describe these data, even with the error of the finite sample that they are drawn "
            f"from: the p-value of the fit is {shown.sample.chi2_p_value:.2g}."
        )
    return texts


def _tiles(shown: Explanation) -> list[tuple[str, str, str]]:
    """The numbers at the top: name, value and what stands small beside it."""
    estimate = shown.estimate
    tiles = [
        ("μ̂", number(shown.belt["mu_hat"]), f"± {number(estimate.sigma)}"),
        ("Interval", f"{estimate.p16:.3f} to {estimate.p84:.3f}", f"length {number(estimate.p84 - estimate.p16)}"),
        ("−2 ln L", f"{estimate.twice_nll:.1f}", f"{estimate.degrees_of_freedom} degrees of freedom"),
        (
            "p-value",
            f"{shown.p_value:.2g}",
            f"{shown.sample.p_value:.2g} with the sample" if shown.sample else "of the fit",
        ),
        ("Events", f"{shown.events:,.0f}", ""),
    ]
    if shown.truth is not None:
        tiles.insert(1, ("True μ", number(shown.truth.mu), ""))
    return tiles


def _sections(shown: Explanation) -> list[Section]:
    sections = [_data(shown), _quality(shown), _likelihood(shown), _belt(shown)]
    return [*sections[:1], *([_nuisance(shown)] if shown.impacts else []), *sections[1:]]


def _plot(file: str, title: str, text: str, drawing: object, *arguments: object) -> Plot:
    """A plot of `figures`, called with its description and `arguments`, with its caption."""
    assert callable(drawing)
    return Plot(file, title, text, drawing(f"{title}. {text}", *arguments))


def _data(shown: Explanation) -> Section:
    plots = []
    for channel in shown.channels:
        for when, stack, mu, band in (
            ("before", channel.before, 1.0, "priors and templates"),
            ("after", channel.after, shown.belt["mu_hat"], "fit and templates"),
        ):
            text = f"What is expected, stacked, with the signal on its own as a line too; grey: ± 1σ of {band}."
            title = f"{channel.name}, {when} the fit"
            plots.append(_plot(f"{channel.name}-{when}", title, text, figures.channel, channel, stack, mu, band))
    return Section("Data and what the templates expect", plots)


def _nuisance(shown: Explanation) -> Section:
    truth = None if shown.truth is None else shown.truth.pulls
    plots = [
        _plot(
            "pulls",
            "Pulls and constraints",
            "A pull is the distance from the centre of the prior in units of its width; bar: the error that the data "
            "leave.",
            figures.pulls,
            shown.impacts,
            truth,
        ),
        _plot(
            "impacts",
            "Impacts on μ̂",
            "Change of μ̂ with a parameter held one fitted error above or below its best value (filled), or one width "
            "of the prior (outline), all else fitted anew.",
            figures.impacts,
            shown.impacts,
        ),
        _plot(
            "correlation",
            "Correlations",
            "Of the fitted parameters, in percent.",
            figures.correlation,
            shown.names,
            shown.correlation,
        ),
    ]
    heads: Row = ("Parameter", "value", "pull", "error", "impact +σ", "impact −σ", "μ̂ held at prior")
    rows: list[Row] = []
    values = {prior.name: prior for prior in PRIORS}
    for impact in shown.impacts:
        value = values[impact.name].value(impact.pull)
        row: Row = (impact.name, f"{value:.4f}", f"{impact.pull:+.3f}", f"{impact.error:.3f}")
        row += (f"{impact.up:+.4f}", f"{impact.down:+.4f}", number(impact.at_nominal))
        if shown.truth is not None:
            known = impact.name in shown.truth.pulls
            row += (
                f"{shown.truth.values[impact.name]:.4f}",
                f"{shown.truth.pulls[impact.name]:+.3f}" if known else "",
                number(impact.at_truth) if impact.at_truth is not None else "",
            )
        rows.append(row)
    if shown.truth is not None:
        heads += ("true value", "true pull", "μ̂ held at truth")
    return Section("Nuisance parameters", plots, tables=[(heads, rows)])


def _quality(shown: Explanation) -> Section:
    estimate, sample = shown.estimate, shown.sample
    texts = [
        "−2 ln L is relative to a model that expects the counts as they are. Where the templates describe the data it "
        "is about χ²-distributed."
    ]
    rows: list[Row] = [
        ("−2 ln L", f"{estimate.twice_nll:.1f}"),
        ("degrees of freedom", estimate.degrees_of_freedom),
        ("p-value under χ²", f"{shown.p_value:.2g}"),
    ]
    if sample is not None:
        texts.append(
            "The events are drawn from a finite sample, whose own statistical error is common to all its "
            "pseudo-experiments and no part of the templates. A fit of what that sample expects says what −2 ln L to "
            "compare with, and by how much its estimates are moved alike. The last two rows are of a fit with the "
            "sample's error, as that of independent rows, beside that of the templates."
        )
        rows += [
            ("−2 ln L that the sample makes one expect", f"{sample.mean:.1f} ± {sample.deviation:.1f}"),
            ("its p-value", f"{sample.p_value:.2g}"),
            ("μ̂ − μ of what the sample expects", f"{sample.shift:+.4f}"),
            ("−2 ln L with the sample's error", f"{sample.twice_nll:.1f}"),
            ("its p-value under χ²", f"{sample.chi2_p_value:.2g}"),
        ]
    heads: Row = ("Channel", "bins", "its −2 ln L")
    bins: list[Row] = [(channel.name, len(channel.data), f"{channel.twice_nll:.1f}") for channel in shown.channels]
    bins.append(("priors", "", f"{sum(impact.pull**2 for impact in shown.impacts):.1f}"))
    if sample is not None:
        heads += ("variance of the sample / of the counts",)
        ratios = [f"{channel.sample_variance:.2f}" for channel in shown.channels]
        bins = [(*row, ratio) for row, ratio in zip(bins, [*ratios, ""])]
    return Section("Goodness of fit", texts=texts, tables=[(("", ""), rows), (heads, bins)])


def _likelihood(shown: Explanation) -> Section:
    plots = [
        _plot(
            "scan",
            "Profile likelihood",
            "−2 ln L above its minimum, with the nuisance parameters fitted at each μ, and held at their best values. "
            "Shaded: the interval of the likelihood.",
            figures.scan,
            shown,
        ),
        *(
            _plot(
                f"contour-{name}", f"μ and {name}", "68.27% and 95.45%, all else fitted.", figures.contour, shown, name
            )
            for name in shown.contours
        ),
        _plot(
            "shares",
            "Where the error comes from",
            "What each source adds to the error of μ̂ in quadrature; the sources are correlated.",
            figures.shares,
            shown.shares,
        ),
    ]
    half = (shown.estimate.p84 - shown.estimate.p16) / 2
    rows: list[Row] = [
        (
            share.source,
            number(share.error),
            f"{100 * share.share:.1f}%",
            number(half * share.error / shown.estimate.sigma),
        )
        for share in shown.shares
    ]
    rows.append(("all", number(shown.estimate.sigma), "100%", number(half)))
    heads = ("Source", "error of μ̂", "of the variance", "of half the interval")
    return Section("Likelihood", plots, tables=[(heads, rows)])


def _belt(shown: Explanation) -> Section:
    estimate = shown.estimate
    text = (
        "Across at μ: the estimates that this true μ accepts. Upright line: this estimate; on it the interval, all μ "
        "that accept it, and beside it the one of the likelihood."
    )
    rows: list[Row] = [
        (
            "belt, 68.27%" + ", longer" * bool(shown.widening),
            number(estimate.p16),
            number(estimate.p84),
            number(estimate.p84 - estimate.p16),
        )
    ]
    for name, (low, high) in zip(("likelihood, 1σ", "likelihood, 2σ"), shown.likelihood_intervals):
        rows.append((name, number(low), number(high), number(high - low)))
    plots = [_plot("belt", "Belt", text, figures.belt, shown)]
    return Section("Interval", plots, tables=[(("Interval", "from", "to", "length"), rows)])
