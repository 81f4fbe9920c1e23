"""The pages in `docs/` that the commands fill."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import files
from .errors import ChallengeError


def add_docs_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --docs."""
    help = "also replace this command's part of the page in DIR, and copy figures there"
    parser.add_argument("--docs", type=_folder_of_pages, metavar="DIR", help=help)


def _folder_of_pages(text: str) -> Path:
    if not any(Path(text).glob("*.md")):
        raise argparse.ArgumentTypeError(f"{text} holds no pages; give the folder docs, or a copy of it")
    return Path(text)


def publish(docs: Path | None, page: str, sections: Mapping[str, str], shown: Iterable[str | Path]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a page, and copy files beside it.

    Arguments:
        docs: folder of the page; None to do nothing.
        page: its name without ".md", also that of the folder of its figures.
        sections: from the name of a section to its Markdown.
        shown: files that the page shows or names.

    Raises:
        ChallengeError: the page is not there, has no such section, or cannot be written.
    """
    if docs is None:
        return
    path = docs / f"{page}.md"
    filled = _filled(path, sections)
    try:
        (docs / page).mkdir(exist_ok=True)
        for source in map(Path, shown):
            with files.replaced(docs / page / source.name, "wb") as file:
                file.write(source.read_bytes())
    except OSError as error:
        raise _unwritable(docs, error) from error
    _write(path, filled)


def fill(path: Path, sections: Mapping[str, str]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a page.

    Arguments:
        path: of the page.
        sections: from the name of a section to its Markdown.

    Raises:
        ChallengeError: as `publish`.
    """
    _write(path, _filled(path, sections))


def _filled(path: Path, sections: Mapping[str, str]) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ChallengeError(f"{path} cannot be read ({error.strerror}): --docs takes the folder docs") from error
    for name, content in sections.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
            raise ChallengeError(
                f"{path} has no place for the section {name}: it needs once each of the lines {start}{end}"
            )
        text = text[: text.index(start)] + start + "\n" + content + "\n" + text[text.index(end) :]
    return text


def _write(path: Path, text: str) -> None:
    try:
        with files.replaced(path) as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def section(path: Path, name: str) -> str:
    """What `fill` has put into a section of a page; empty if nothing."""
    text = path.read_text(encoding="utf-8")
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->\n")[0][1:-1]


def _unwritable(folder: Path, error: OSError) -> ChallengeError:
    return ChallengeError(f"cannot write to {folder} ({error}): run again with --docs to a folder that can")
