"""The figures: each as SVG in the colours of the page, described, and as PNG."""

import numpy as np
import pytest

from measurement import figures
from tests.measurement.measurements import explanation


@pytest.fixture(scope="module")
def shown():
    return explanation()


def test_a_figure_is_svg_and_png(shown):
    drawing = figures.scan("A <profile>", shown)
    assert drawing.svg.startswith('<svg role="img" aria-label="A &lt;profile&gt;"')
    assert "currentColor" in drawing.svg
    assert drawing.png.startswith(b"\x89PNG")


def test_texts_of_figures(shown):
    channel = shown.channels[0]
    svg = figures.channel("c", channel, channel.after, 1.234, "the band").svg
    for text in ("bin of the channel 1-jet", "H → ττ, μ = 1.23", "the band", "data"):
        assert text in svg
    for drawing in (figures.pulls("p", shown.impacts, shown.truth.pulls), figures.impacts("i", shown.impacts)):
        assert all(impact.name in drawing.svg for impact in shown.impacts)
    svg = figures.correlation("m", shown.names, np.array(shown.correlation)).svg
    assert svg.count(">100<") == len(shown.names)
    assert "of the likelihood" in figures.belt("b", shown).svg
    assert "true" not in figures.pulls("p", shown.impacts, None).svg
    for share in shown.shares:
        assert share.source in figures.shares("s", shown.shares).svg
    assert "pull of jes" in figures.contour("t", shown, "jes").svg
