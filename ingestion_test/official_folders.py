"""The folders that both official scripts take: their flags, their defaults, and where Codabench has them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NamedTuple

from ingestion_test.submissions import PROJECT


class Folder(NamedTuple):
    """A folder of a script: its default below the project, where Codabench has it, and what the help says of it."""

    default: str
    codabench: str
    text: str


def add_folders(parser: argparse.ArgumentParser, folders: Mapping[str, Folder]) -> None:
    """Add a flag for each of `folders`, by name, long and short, and --codabench for all."""
    for name, folder in folders.items():
        parser.add_argument(
            f"--{name}",
            f"-{name[0]}",
            default=str(PROJECT / folder.default),
            metavar="DIR",
            help=f"{folder.text} (default {folder.default} of this project)",
        )
    places = ", ".join(folder.codabench for folder in folders.values())
    parser.add_argument("--codabench", action="store_true", help=f"take {places} for these folders")


def chosen_folders(flags: argparse.Namespace, folders: Mapping[str, Folder]) -> dict[str, str]:
    """The folders that the flags of `add_folders` say, by name."""
    return {name: folder.codabench if flags.codabench else getattr(flags, name) for name, folder in folders.items()}
