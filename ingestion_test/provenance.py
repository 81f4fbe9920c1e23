"""Where numbers come from: date, version, command line, checksums, versions of packages."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import sys
import time
import tomllib
from pathlib import Path

from runtime.errors import ChallengeError

from .ingestion import JOURNAL_FILE
from .journal import read_journal
from .submissions import PROJECT

#: Packages that scores depend on.
PACKAGES = ("numpy", "pandas", "pyarrow", "scipy", "torch", "iminuit", "lightgbm")


def provenance(folder: Path) -> dict[str, str]:
    """What a report says of its origin: texts by their titles.

    Arguments:
        folder: output folder of the ingestion; its journal, where it has one, knows the checksums.
    """
    texts = {
        "Date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "Version": _version(),
        "Command": shlex.join(sys.orig_argv),
    }
    try:
        about, _ = read_journal(folder / JOURNAL_FILE)
        texts["Checksum of the submission"] = f"SHA-256 {about.get('submission', 'unknown')}"
        texts["Checksum of the events"] = f"size and SHA-256 of the file's end {about.get('data', 'unknown')}"
    except ChallengeError:
        pass  # results of the official program, which keeps no journal
    installed = [f"{name} {version}" for name in PACKAGES if (version := _installed(name))]
    return texts | {"Packages": ", ".join([f"Python {platform.python_version()}", *installed])}


def _version() -> str:
    """This project's version: that of the clone, or of the installation."""
    file = PROJECT / "pyproject.toml"
    if file.is_file():
        project: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        return f"{project['name']} {project['version']}"
    return f"higgsml-cnf {_installed('higgsml-cnf')}"


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
