"""The page of one measurement: one file that needs no other, whose numbers are those of the fit."""

import dataclasses
import json

import pytest

from ingestion_test.score_table import number
from measurement.explanation import explain
from measurement.page import HTML_FILE, JSON_FILE, WORDS, summary, write_page
from tests.ingestion_test.test_report import Page
from tests.measurement.measurements import CHANNELS, explanation, measurement

#: Names of the figures of the default likelihood.
FIGURES = [
    *(f"{channel}-{when}" for channel in CHANNELS for when in ("before", "after")),
    *("pulls", "impacts", "correlation", "scan", "contour-tes", "contour-jes", "shares", "belt"),
]


@pytest.fixture(scope="module")
def shown():
    return explanation()


@pytest.fixture(scope="module")
def folder(shown, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    assert write_page(folder, shown) == folder / HTML_FILE
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / HTML_FILE).read_text(encoding="utf-8"))


def test_needs_no_other_file(page):
    addresses = [value for _, name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset")]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not page.count.keys() & {"link", "iframe", "img", "object"}


def test_ids_are_unique(page):
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_every_figure_is_there_twice(page, folder):
    assert page.count["svg"] == page.count["figure"] == len(FIGURES)
    assert sorted(path.stem for path in folder.glob("*.png")) == sorted(FIGURES)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.glob("*.png"))


def test_two_sentences_say_what_was_measured(page, shown):
    text = summary(shown)
    assert text in page.text
    for value in (shown.belt["mu_hat"], shown.estimate.sigma, shown.estimate.p16, shown.estimate.p84, shown.truth.mu):
        assert number(value) in text
    assert f"{shown.p_value:.2g}, or {shown.sample.p_value:.2g} given the finite sample" in text
    assert text.count(". ") == 1
    assert text.endswith(".")


def test_words_are_explained(page):
    assert all(word in page.text and meaning in page.text for word, meaning in WORDS.items())


def test_says_the_numbers_of_the_fit(page, shown):
    for impact in shown.impacts:
        cells = f"{impact.pull:+.3f}", f"{impact.error:.3f}", f"{impact.up:+.4f}", f"{impact.down:+.4f}"
        assert "".join(cells) + number(impact.at_nominal) in page.text
        assert number(impact.at_truth) in page.text
    for share in shown.shares:
        assert f"{share.source}{number(share.error)}{100 * share.share:.1f}%" in page.text
    for low, high in shown.likelihood_intervals:
        assert number(low) + number(high) in page.text
    assert f"{shown.sample.mean:.1f} ± {shown.sample.deviation:.1f}" in page.text
    for channel in shown.channels:
        assert f"{channel.name}{len(channel.data)}{channel.twice_nll:.1f}" in page.text


def test_numbers_are_json_too(page, folder, shown):
    content = json.loads((folder / JSON_FILE).read_text())
    assert content == page.embedded == json.loads(json.dumps(shown.content()))


def test_user_text_is_escaped(tmp_path):
    shown = explain(measurement("mu alone"), "<script>alert(1)</script>")
    page = Page(write_page(tmp_path, shown).read_text(encoding="utf-8"))
    assert page.count["script"] == 1
    assert "<script>alert(1)</script>" in page.text


def test_data_without_a_truth(tmp_path):
    page = Page(write_page(tmp_path, explain(measurement(), "data")).read_text(encoding="utf-8"))
    assert "true" not in page.text.lower().replace("true μ accepts", "").replace("true μ", "", 1)
    assert page.count["svg"] == len(FIGURES)


def test_fits_that_fail_are_warned_of(tmp_path):
    measured = measurement()
    measured.counts[3] *= 1.5
    page = Page(write_page(tmp_path, explain(measured, "data")).read_text(encoding="utf-8"))
    assert ("div", "role", "alert") in page.attributes
    assert "hardly describe these data" in page.text


def test_a_longer_interval_is_said(tmp_path):
    plain = measurement()
    shown = explain(dataclasses.replace(plain, widening=0.5), "data")
    text = write_page(tmp_path, shown).read_text(encoding="utf-8")
    assert "longer at both ends by 0.50 errors of μ̂" in text
    assert shown.estimate.p16 == pytest.approx(max(0.1, plain.estimate.p16 - 0.5 * shown.estimate.sigma))
    assert shown.estimate.p84 == pytest.approx(min(3.0, plain.estimate.p84 + 0.5 * shown.estimate.sigma))
    assert number(shown.estimate.p84) in text
