"""The numbers in pages are those of the files that commands leave in docs/."""

import re
from pathlib import Path

import pytest

from experiments import answer
from experiments.pages import SECTIONS
from runtime import files
from runtime.documents import section
from submission import artifacts

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

#: Sections that other files fill, and by which command.
FILLED = {"results.md": {"answer"}, "README.md": {"reached", "checked"}}


def _page(file):
    return DOCS / f"{file.split('/')[0]}.md"


@pytest.mark.parametrize("file", SECTIONS)
def test_sections_are_those_of_their_file(file):
    if (DOCS / file).exists():
        for name, content in SECTIONS[file](files.read_json(DOCS / file)).items():
            assert section(_page(file), name) == content, f"run the command of {file} with --docs docs"


def test_the_answer_is_that_of_the_files():
    results, shipped = answer.read(DOCS), artifacts.load_manifest()["sha256"]
    assert section(DOCS / "results.md", "answer") == answer.answer(results, shipped), "run experiments answer"
    for name, content in answer.reached(results, shipped).items():
        assert section(ROOT / "README.md", name) == content, "run experiments answer"


@pytest.mark.parametrize("page", [ROOT / "README.md", *dict.fromkeys(map(_page, SECTIONS))], ids=lambda page: page.name)
def test_every_section_has_a_file(page):
    names = set(re.findall(r"^<!-- (\w[\w-]*) -->$", page.read_text(encoding="utf-8"), re.M))
    known = FILLED.get(page.name, set()).copy()
    for file, sections in SECTIONS.items():
        if _page(file) == page and (DOCS / file).exists():
            known |= sections(files.read_json(DOCS / file)).keys()
    empty = {name for name in names - known if not section(page, name)}
    assert names == known | empty


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *(DOCS / f"{name}.md" for name in ("results", "toy", "digits"))],
    ids=lambda page: page.name,
)
def test_tables_beside_the_sections_have_no_results(page):
    text = re.sub(r"^<!-- (\w[\w-]*) -->$.*?^<!-- /\1 -->$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert not [line for line in text.splitlines() if line.startswith("|") and re.search(r"±|\d\.\d\d", line)]


def test_a_changed_number_is_noticed(tmp_path):
    page = tmp_path / "results.md"
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    rendered = SECTIONS["results/ablation.json"](files.read_json(DOCS / "results/ablation.json"))["ablation"]
    number = rendered.split("±")[0].split()[-1]
    page.write_text(text.replace(number, number[::-1]), encoding="utf-8")
    assert section(page, "ablation") != rendered
