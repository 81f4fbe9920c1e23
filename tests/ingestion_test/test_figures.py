"""Plots of the report."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from ingestion_test import figures
from ingestion_test.scoring import score_sets

from .test_report import make_scores

SVG = "{http://www.w3.org/2000/svg}"


def test_the_description_is_escaped():
    svg = figures.histogram('a "b" <c>', np.arange(9.0), "x", 1.0)
    assert ElementTree.fromstring(svg).get("aria-label") == 'a "b" <c>'


def test_far_outliers_of_a_histogram_are_counted():
    svg = figures.histogram("values", np.array([*np.linspace(0, 1, 50), -1e3, 1e3, 1e3]), "x", 0.5)
    assert "not shown: 1 below, 2 above" in svg


@pytest.mark.parametrize("outlier", [1e6, -9e49])
def test_an_outlier_does_not_blow_up_the_axis(outlier):
    results = [
        {"mu_hats": np.ones(20), "delta_mu_hats": np.ones(20), "p16": np.linspace(0, 1, 20), "p84": np.ones(20) * 2}
    ]
    results[0]["p16"][3] = outlier
    svg = ElementTree.fromstring(figures.intervals("set", score_sets([1.0], results).sets[0]))
    texts = [text.text.replace("\N{MINUS SIGN}", "-") for text in svg.iter(f"{SVG}text")]
    ticks = [float(text) for text in texts if re.fullmatch(r"[-\d.]+", text)]
    assert not any(re.search(r"\de\d", text) for text in texts)  # a common factor of the ticks, such as 1e6
    assert ticks
    assert max(np.abs(ticks)) < 25


def test_intervals_are_drawn_by_what_they_cover():
    one = make_scores(sets=1, size=50).sets[0]
    svg = ElementTree.fromstring(figures.intervals("set", one))
    drawn = {
        colour: sum(path.get("d").count("M") for path in svg.iter(f"{SVG}path") if colour in path.get("style", ""))
        for colour in (figures.BLUE, figures.VERMILLION)
    }
    covering = round(one.coverage * one.size)
    assert 0 < covering < one.size
    assert drawn == {figures.BLUE: covering, figures.VERMILLION: one.size - covering}
