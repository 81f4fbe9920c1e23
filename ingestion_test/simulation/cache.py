"""Simulated samples made on first use and kept in a cache folder."""

import glob
import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path

from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.locks import waited_for
from runtime.machine import cores

from ..schema import DATA_FILE, METADATA_FILE
from .sample import number_of_rows
from .worlds import DEFAULT, get
from .writer import write_folder

MANIFEST_FILE = "manifest.json"
_PACKAGE = Path(__file__).resolve().parent
#: Files of the package that the events do not depend on.
_TOOLS = {
    "__init__.py",
    "cache.py",
    "command.py",
    "observables.py",
    "official.py",
    "official.json",
    "tune.py",
    "validate.py",
}

_log = logging.getLogger(__name__)


def generator_version() -> str:
    """Eight hexadecimal digits that change with any code or table of the generator."""
    digest = hashlib.sha256()
    paths = [path for path in _PACKAGE.iterdir() if path.suffix in {".py", ".npz", ".json"} and path.name not in _TOOLS]
    for path in [*sorted(paths), _PACKAGE.parent / "schema.py", _PACKAGE.parent / "derived.py"]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def default_cache() -> Path:
    """The folder `$HIGGSML_CACHE`; else `.cache` of a clone that can be written, or the user's own cache folder."""
    chosen, project = os.environ.get("HIGGSML_CACHE"), _PACKAGE.parents[1]
    if chosen:
        return Path(chosen)
    if (project / "pyproject.toml").exists() and os.access(project, os.W_OK):
        return project / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "higgsml"


def cached_folder(
    size: str | int = "default",
    seed: int = 0,
    cache_dir: str | Path | None = None,
    workers: int | None = None,
    world: str = DEFAULT,
) -> Path:
    """A folder of simulated events in the official format, made if the cache does not hold it whole.

    A sample is made anew if the generator has changed, if a file is missing or if a checksum differs. Of several
    processes that ask at once, one makes it and the others wait.

    Arguments:
        size, seed: as in `writer.write_folder`.
        cache_dir: where samples are kept; None for `default_cache()`.
        workers: processes that make it; None for one per core. It does not change the events.
        world: as in `writer.write_folder`.

    Returns:
        Path of the folder.

    Raises:
        ChallengeError: as `writer.write_folder`, or the cache cannot be written.
    """
    number_of_rows(size)
    get(world)
    cache = Path(cache_dir) if cache_dir is not None else default_cache()
    named = "" if world == DEFAULT else f"{world}-"
    folder = cache / f"simulation-{generator_version()}-{named}{size}-seed{seed}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = cache / f"{folder.name}.lock"
        notice = f"waiting for another process that makes or checks these events ({lock} is locked)"
        with waited_for(lock, notice):
            if _is_whole(folder):
                _log.info("simulated events from %s", folder)
            else:
                _make(folder, size, seed, workers or cores(), world)
    except OSError as error:
        raise ChallengeError(
            f"cannot keep simulated events in {cache}: {error.strerror or error}; "
            "set HIGGSML_CACHE to a folder that can be written"
        ) from error
    return folder


def _make(folder: Path, size: str | int, seed: int, workers: int, world: str) -> None:
    start = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    remove_leftovers(part)
    write_folder(part, size, seed, workers, world=world)
    write_json(part / MANIFEST_FILE, {name: _checksum(part / name) for name in (DATA_FILE, METADATA_FILE)})
    part.replace(folder)
    _log.info("simulated events made in %.0f s: %s", time.monotonic() - start, folder)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left of writing `folder`, beside it; nobody may be writing it."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.????????"):
        if left.is_dir() and {path.name for path in left.iterdir()} <= {"folder"}:
            shutil.rmtree(left)


def _is_whole(folder: Path) -> bool:
    try:
        checksums = json.loads((folder / MANIFEST_FILE).read_text())
        return set(checksums) == {DATA_FILE, METADATA_FILE} and all(
            _checksum(folder / name) == checksum for name, checksum in checksums.items()
        )
    except (OSError, ValueError, TypeError):
        return False


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
