"""The tutorial runs, in its order, and its pictures are those that it makes."""

import re

import matplotlib
import numpy as np
import pytest

from tests.pages import blocks
from tests.tutorial import PAGE, run

TEXT = PAGE.read_text(encoding="utf-8")


def test_it_has_ten_steps_each_with_a_call_an_equation_and_a_picture():
    steps = re.split(r"^## (?=\d+\. )", TEXT, flags=re.MULTILINE)[1:]
    assert [int(step.partition(".")[0]) for step in steps] == list(range(1, 11))
    for step in steps:
        assert all(part in step for part in ("```python\n", "```math\n", "![")), step[:40]


@pytest.mark.slow
def test_it_leads_from_events_to_an_interval(tmp_path, monkeypatch, simulated_folder, capsys):
    monkeypatch.setenv("HIGGSML_CACHE", str(simulated_folder.parent))
    matplotlib.use("Agg")
    end = run(tmp_path)
    estimate, fit = end["estimate"], end["fit"]
    assert estimate.p16 < estimate.mu_hat < estimate.p84
    assert abs(fit.mu_hat[0] - 1.5) < 5 * fit.sigma[0]
    np.testing.assert_allclose(fit.mu_hat[0], estimate.mu_hat, atol=1e-6)
    assert np.abs(end["check"].coverage - 0.6827).max() < 0.15
    assert f"mu between {estimate.p16:.2f} and {estimate.p84:.2f}" in capsys.readouterr().out
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == set(re.findall(r"\]\(tutorial/([\w-]+\.png)\)", TEXT))
    assert pictures == {path.name for path in (PAGE.parent / "tutorial").iterdir()}


def test_errors_name_lines_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n```python\nx = 1\n```\n\n```\ny\n```\n\n```python\nx +\n```\n")
    first, second = blocks(page)
    assert first == "\n\n\nx = 1\n"
    with pytest.raises(SyntaxError) as error:
        compile(second, str(page), "exec")
    assert error.value.lineno == 12
