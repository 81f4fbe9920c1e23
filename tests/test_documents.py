"""What texts and code point at is there: pages, anchors, files, equations."""

import re
from pathlib import Path

import pytest

from tests.test_architecture import ALLOWED

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = (
    "runtime",
    "ingestion_test",
    "submission",
    "upload",
    "training",
    "measurement",
    "experiments",
    "benchmarks",
    "tests",
)
CODE = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))] + sorted(ROOT.glob("*.py"))

#: The page that writes out the paper's equations.
EQUATIONS = ROOT / "docs" / "mathematics.md"

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CITATION = re.compile(r"\b(docs/[\w/.-]+\.md|README\.md|CONTRIBUTING\.md)(#[\w-]+)?")
EQUATION = re.compile(r"\beq\. (\d+)(?:(,| to| and) (\d+))*")


def _prose(page):
    """The text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _slug(heading):
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower())
    return words.replace(" ", "-")


def anchors(page):
    """The anchors of a page: those of its headings, and those that it sets itself."""
    text, found = _prose(page), set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        slug, number = _slug(heading), 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found | set(re.findall(r'<a id="([^"]+)">', text))


def dead_links(page):
    """Targets of the links of a page, on this disk, that do not exist."""
    for target in LINK.findall(_prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            yield target


def dead_citations(text):
    """What a source text cites of the pages, and of the paper's equations, that is not there."""
    text = re.sub(r"\n\s*(#:?)?\s*", " ", text)
    for name, anchor in CITATION.findall(text):
        page = ROOT / name
        if not page.exists() or (anchor and anchor[1:] not in anchors(page)):
            yield name + anchor
    for match in EQUATION.finditer(text):
        for number in re.findall(r"\d+", match[0]):
            if f"eq-{number}" not in anchors(EQUATIONS):
                yield f"eq. {number}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_pages_lead_somewhere(page):
    assert not list(dead_links(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_equations_of_pages_are_written_out(page):
    assert not [what for what in dead_citations(_prose(page)) if what.startswith("eq. ")]


def test_citations_in_code_lead_somewhere():
    for path in CODE:
        if path != Path(__file__).resolve():
            assert not list(dead_citations(path.read_text(encoding="utf-8"))), path


def test_no_code_cites_a_text_without_its_page():
    loose = re.compile(r"\b(?:protocol|method\.md|spec/\S+), (?:section|sec\.)|\(sections? \d")
    for path in CODE:
        assert not loose.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    "text",
    [
        "docs/nowhere.md",
        "docs/protocol.md#nowhere",
        "see docs/protocol.md\n#: and docs/mathematics.md#no-such-section",
        "the loss of eq. 99",
        "eq. 5 to 99",
    ],
)
def test_what_is_not_there_is_noticed(text):
    assert list(dead_citations(text))


def test_a_dead_link_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title\n[up](#a-title) [here](page.md#a-title)\n```\n[code](nowhere.md)\n```\n")
    assert not list(dead_links(page))
    page.write_text("# A title\n[gone](other.md) [lost](#the-title) ![figure](page.png)\n")
    assert list(dead_links(page)) == ["other.md", "#the-title", "page.png"]


#: A file or folder of this project within backticks.
PATH = re.compile(rf"`((?:{'|'.join((*ROOMS, 'docs', 'installation'))})/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_exist(page):
    assert not [name for name in PATH.findall(_prose(page)) if not (ROOT / name).exists()]


def _rows(page, head):
    """The rows of the tables of a page whose first column has a title that begins with `head`: lists of cells."""
    tables = re.findall(
        rf"^\| {re.escape(head)}[^\n]*\n\|[-| ]+\n((?:\|[^\n]*\n)+)", page.read_text(encoding="utf-8"), re.M
    )
    return [[cell.strip() for cell in row.strip("|").split("|")] for table in tables for row in table.splitlines()]


@pytest.mark.parametrize("row", _rows(ROOT / "CONTRIBUTING.md", "where "), ids=lambda row: row[0])
def test_where_is_what(row):
    _, file, name = row
    for path in re.findall(r"`([^`]+)`", file):
        text = (ROOT / path).read_text(encoding="utf-8")
        for defined in re.findall(r"`([^`]+)`", name):
            assert re.search(rf"^(?:(?:class|def) {defined}\b|{defined}\b.*=)", text, re.M), f"{path} has no {defined}"


def test_the_table_of_rooms_is_what_the_architecture_allows():
    rows = {row[0].strip("`"): row for row in _rows(ROOT / "CONTRIBUTING.md", "room ")}
    for room, allowed in ALLOWED.items():
        assert set(re.findall(r"`([^`]+)`", rows[room][2])) == allowed, room
    assert set(rows) == {*ALLOWED, "tests"}
