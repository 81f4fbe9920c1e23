"""Folders that results go into, and the pages in `docs/` that the commands fill."""

import shutil
from pathlib import Path

from ingestion_test import files
from ingestion_test.errors import ChallengeError


def claim(path, about, resume):
    """Refuse an output folder that holds results of something else, or the same ones without --resume.

    Arguments:
        path: file in the folder that says what is in it.
        about: dict that JSON can hold, all that the results depend on.
        resume: whether what is there is wanted.

    Raises:
        ChallengeError: the folder is refused.
    """
    output = path.parent
    if path.exists():
        found = read(path)
        if found != about:
            raise ChallengeError(f"{output} holds results of {found}, not {about}: choose another --output")
        if not resume:
            raise ChallengeError(f"{output} holds results already: add --resume, or choose another --output")
    files.write_json(path, about)


def read(path):
    """The content of a JSON file of results.

    Raises:
        ChallengeError: it is damaged.
    """
    try:
        return files.read_json(path)
    except (OSError, ValueError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): remove it, or choose another --output") from error


def markdown(head, rows):
    """A table in Markdown; `head` and each of `rows` are sequences of texts."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def add_docs_argument(parser):
    """Declare --docs."""
    parser.add_argument("--docs", type=Path, metavar="DIR", help="also fill in the page in DIR and copy figures there")


def publish(docs, page, parts, shown):
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a page, and copy files beside it.

    Arguments:
        docs: folder of the page; None to do nothing.
        page: its name without ".md", also that of the folder of its figures.
        parts: dict from the name of a part to its Markdown.
        shown: files that the page shows or names.

    Raises:
        ChallengeError: the page is not there or has no such part.
    """
    if docs is None:
        return
    path = docs / f"{page}.md"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ChallengeError(f"{path} cannot be read ({error.strerror}): --docs takes the folder docs") from error
    for name, content in parts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
            raise ChallengeError(f"{path} has no place for the part {name}: it needs the lines {start}{end}")
        text = text[: text.index(start)] + start + "\n" + content + "\n" + text[text.index(end) :]
    (docs / page).mkdir(exist_ok=True)
    for source in shown:
        shutil.copyfile(source, docs / page / Path(source).name)
    with files.replaced(path) as file:
        file.write(text)
