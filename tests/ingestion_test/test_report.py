"""The report: one file, whole, safe and saying what the scores say."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.report import WORDS, write_report
from ingestion_test.schema import RESULT_LISTS
from ingestion_test.scoring import bootstrap, score_sets

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Checks that elements are closed in order and keeps what the tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.count, self.attributes, self.texts = [], {}, [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(("script" in self.open, data))

    @property
    def text(self):
        return "".join(data for in_script, data in self.texts if not in_script)

    @property
    def embedded(self):
        return json.loads("".join(data for in_script, data in self.texts if in_script))


def make_scores(sets=3, size=20, seed=1):
    rng = np.random.default_rng(seed)
    mus, results = rng.uniform(0.1, 3, sets), []
    for mu in mus:
        mu_hats = rng.normal(mu, 0.3, size)
        results.append(
            {"mu_hats": mu_hats, "delta_mu_hats": mu_hats * 0 + 0.3, "p16": mu_hats - 0.3, "p84": mu_hats + 0.3}
        )
    return score_sets(mus, results)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "detailed_results.html"
    scores = make_scores()
    settings = {"Submission": "</script><script>alert(1)</script> & more", "Seed": "42"}
    write_report(path, scores, bootstrap(scores), settings, 12.34, ["one <b>warning</b>"])
    return Page(path.read_text(encoding="utf-8"))


def test_needs_no_other_file(page):
    addresses = [
        value for _, name, value in page.attributes if name in ("src", "href", "xlink:href", "action", "srcset")
    ]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not page.count.keys() & {"link", "iframe", "img", "object"}


def test_ids_are_unique_and_references_lead_somewhere(page):
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for _, name, value in page.attributes if name == "xlink:href" and value.startswith("#")}
    wanted |= {value[5:-1] for _, name, value in page.attributes if name == "clip-path"}
    assert wanted
    assert wanted <= set(ids)


def test_user_text_is_escaped(page):
    assert "</script><script>alert(1)</script> & more" in page.text
    assert page.count["script"] == 1
    assert "b" in page.count  # figure captions
    assert "one <b>warning</b>" in page.text


def test_has_all_plots_each_with_a_description(page):
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    titles = ["Coverage", "Interval", "Pull", "μ̂ against μ", "Ends of the intervals", "Estimates", "Score"]
    titles += ["Score", "Coverage", "Interval", "Set 0", "Set 1", "Set 2"]
    assert [label.split(".")[0] for label in labels] == titles
    assert page.count["svg"] == page.count["figure"] == len(titles)


def test_says_the_numbers(page):
    scores = make_scores()
    for value in (scores.rmse, scores.mae, scores.interval, scores.quantiles_score, scores.sets[1].rmse):
        assert f"{value:.4f}" in page.text
    assert f"{scores.coverage:.4f} ± {scores.coverage_error:.4f}" in page.text
    assert "12.3" in page.text
    assert "{:.4f} to {:.4f}".format(*scores.score_quantiles) in page.text


def test_explains_its_words(page):
    assert all(word in page.text for word in WORDS)
    assert {"pull", "coverage", "penalty f", "bootstrap"} <= {word.lower() for word in WORDS}


def test_tables_of_the_pseudo_experiments(page):
    scores = make_scores()
    assert page.count["details"] == len(scores.sets)
    for score in scores.sets:
        for cells in zip(*(getattr(score, key) for key in RESULT_LISTS)):
            assert "".join(f"{value:.4f}" for value in cells) in page.text


def test_embedded_numbers(page):
    scores, content = make_scores(), page.embedded
    assert content["scores"]["quantiles_score"] == scores.quantiles_score
    assert content["bootstrap"] == bootstrap(scores).summary()
    assert content["settings"]["Seed"] == "42"
    assert content["seconds_per_experiment"] == 12.34
    for score, entry in zip(scores.sets, content["sets"]):
        assert entry["coverage"] == score.coverage
        assert entry["interval_error"] == score.interval_error
        assert entry["score_quantiles"] == pytest.approx(score.score_quantiles, abs=1e-6)
        assert entry["p84"] == pytest.approx(score.p84, abs=1e-6)


def test_without_the_final_phase(tmp_path):
    write_report(tmp_path / "report.html", make_scores())
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.count["svg"] == 10
    assert "bootstrap" not in page.text.lower()
    assert page.embedded["bootstrap"] is None
    assert ("div", "role", "alert") not in page.attributes


def test_crossed_intervals_are_warned_of(tmp_path):
    result = {"mu_hats": [1.0], "delta_mu_hats": [0.1], "p16": [1.5], "p84": [0.5]}
    write_report(tmp_path / "report.html", score_sets([1.0], [result]))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert ("div", "role", "alert") in page.attributes
    assert "1 of 1 intervals have p16 > p84" in page.text


def test_the_final_phase_fits_into_four_megabytes(tmp_path):
    scores = make_scores(sets=10, size=1000)
    nuisance = [{name: np.full(1000, 0.987654) for name in NUISANCE_NAMES}] * 10
    write_report(tmp_path / "report.html", scores, bootstrap(scores), nuisance=nuisance)
    assert (tmp_path / "report.html").stat().st_size < 4_000_000
    assert Page((tmp_path / "report.html").read_text(encoding="utf-8")).count["svg"] == 20


def test_a_run_gives_the_same_file_again(tmp_path):
    for name in ("first.html", "second.html"):
        write_report(tmp_path / name, make_scores(sets=1))
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "second.html").read_bytes()


def test_bytes_that_are_no_text_are_shown(tmp_path):
    settings = {"Submission": b"/data/\xff.zip".decode(errors="surrogateescape")}
    write_report(tmp_path / "report.html", make_scores(), settings=settings)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "/data/\\udcff.zip" in page.text
    assert page.embedded["settings"] == settings
