"""The report in a real browser: it opens without network and errors, fits the window, and no texts overlap."""

import html
import json
import re
import shutil
import subprocess

import pytest

from ingestion_test.report import write_report
from ingestion_test.scoring import bootstrap

from .test_report import make_scores

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed"),
]

#: Widths of a phone and of a screen, in pixels.
WIDTHS = (390, 1280)
#: Says of each frame how wide its page is, what it tried to load, and which texts of a figure overlap.
MEASURE = """
function overlap([, a], [, b]) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
function overlapping(svg) {
  const texts = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
  return texts.flatMap((one, i) => texts.slice(i + 1).flatMap(
    other => overlap(one, other) ? [[one[0], other[0]]] : []));
}
function measure({contentDocument: page, contentWindow: window}) {
  const loaded = window.performance.getEntriesByType("resource").map(entry => entry.name);
  return [page.documentElement.scrollWidth, loaded, [...page.querySelectorAll("svg")].flatMap(overlapping)];
}
addEventListener("load", () => {
  console.log("measured " + JSON.stringify([...document.querySelectorAll("iframe")].map(measure)));
});
"""


def _console(path, profile):
    """What the console shows when a file is opened with no network, the measurements decoded."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
    flags += ("--hide-scrollbars", "--disable-background-networking", "--disable-component-update")
    flags += (f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0")
    process = subprocess.run(
        [BROWSER, *flags, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    shown = re.findall(r'CONSOLE[^"]*"(.*)", source', process.stderr)
    return [json.loads(text.removeprefix("measured ")) if text.startswith("measured ") else text for text in shown]


def _framed(report):
    """A page that shows `report` in each of the widths and measures it."""
    frames = (f'<iframe width="{width}" frameborder="0" srcdoc="{html.escape(report)}"></iframe>' for width in WIDTHS)
    return f'<!DOCTYPE html><meta charset="utf-8"><script>{MEASURE}</script>{"".join(frames)}'


@pytest.mark.parametrize(("sets", "size"), [(1, 1), (10, 100)])
def test_report(sets, size, tmp_path):
    scores = make_scores(sets, size)
    settings = {"Events": f"/home/{'long' * 20}/simulation (5,000,000 rows)", "Seed": "42"}
    write_report(tmp_path / "report.html", scores, bootstrap(scores), settings, 12.34, ["one warning"])
    page = tmp_path / "page.html"
    page.write_text(_framed((tmp_path / "report.html").read_text(encoding="utf-8")), encoding="utf-8")
    assert _console(page, tmp_path / "profile") == [[[width, [], []] for width in WIDTHS]]


def test_what_is_wrong_is_seen(tmp_path):
    page = tmp_path / "page.html"
    svg = '<svg width="900"><text x="9" y="9">one</text><text x="9" y="9">two</text></svg>'
    page.write_text(_framed(f'{svg}<script src="https://example.org/a.js"></script><script>no()</script>'))
    *errors, (phone, screen) = _console(page, tmp_path / "profile")
    assert errors == ["Uncaught ReferenceError: no is not defined"] * len(WIDTHS)
    assert phone[0] > WIDTHS[0]
    assert phone[1:] == screen[1:] == [["https://example.org/a.js"], [["one", "two"]]]
