"""Output folders of experiments: whose results they hold, and the rows that are kept in them."""

import argparse
import dataclasses
import json

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


def kept_rows(output, names, file):
    """The rows of those of `names` that have one, kept as `output/name/file`: dict from name to row.

    Raises:
        ChallengeError: one cannot be read.
    """
    paths = {name: output / name / file for name in names}
    return {name: files.read_json(path) for name, path in paths.items() if path.exists()}


def some_of(what, names):
    """An argparse type: some of `names`, comma-separated; `what` says what they are."""

    def chosen(text):
        unknown = [name for name in text.split(",") if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {what} {', '.join(unknown)}; there are {', '.join(names)}")
        return tuple(text.split(","))

    return chosen
