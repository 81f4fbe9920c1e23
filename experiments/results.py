"""Tables, folders that results go into, and the pages in `docs/` that the commands fill."""

import argparse
import dataclasses
import json
from pathlib import Path

from runtime import files
from runtime.errors import ChallengeError

#: What is said of the work that is done by a command that goes on from its checkpoints by itself.
CONTINUED = " (what is done is kept: the same command continues)"


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
        found = files.read_json(path)
        other = [name for name in about if not isinstance(found, dict) or found.get(name) != about[name]]
        if other:
            raise ChallengeError(
                f"{output} holds other results ({', '.join(other)} differ): choose another --output, or remove it"
            )
        if not resume:
            raise ChallengeError(f"{output} holds results already: add --resume, or choose another --output")
    files.write_json(path, about)


def record(config):
    """A dataclass as JSON holds it, to be claimed: dict."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def some_of(what, names):
    """An argparse type: some of `names`, comma-separated; `what` says what they are."""

    def chosen(text):
        unknown = [name for name in text.split(",") if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {what} {', '.join(unknown)}; there are {', '.join(names)}")
        return tuple(text.split(","))

    return chosen


def kept_rows(output, names, file):
    """The rows of those of `names` that have one, kept as `output/name/file`: dict from name to row.

    Raises:
        ChallengeError: one cannot be read.
    """
    paths = {name: output / name / file for name in names}
    return {name: files.read_json(path) for name, path in paths.items() if path.exists()}


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
        ChallengeError: the page is not there, has no such part, or cannot be written.
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
    try:
        (docs / page).mkdir(exist_ok=True)
        for source in map(Path, shown):
            with files.replaced(docs / page / source.name, "wb") as file:
                file.write(source.read_bytes())
        with files.replaced(path) as file:
            file.write(text)
    except OSError as error:
        raise ChallengeError(f"cannot write to {docs} ({error}): run again with --docs to a folder that can") from error
