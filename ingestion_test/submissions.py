"""Submissions: a folder or a zip with a `model.py`, found and loaded by the official rules.

Source: docs/protocol.md#submissions.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import shutil
import stat
import sys
import types
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from runtime.errors import ChallengeError

PROJECT = Path(__file__).resolve().parents[1]

#: What this project's own submission consists of; the upload holds the same.
OWN_SUBMISSION = ("model.py", "submission")

#: One of these files is what the program imports.
MODEL_FILES = tuple(f"model{ending}" for ending in (".py", "/__init__.py"))

#: What the files of a zip may have in all, so that unpacking it fills no disk.
MAX_UNPACKED_BYTES, MAX_FILES = 1_000_000_000, 10_000

#: Folder with the modules of the official program: a submission's file of such a name is never found.
OFFICIAL_FOLDER = Path(__file__).resolve().parent / "official_modules"
_ROOM = OFFICIAL_FOLDER.parent.name


def prepare(path: str | Path | None, directory: str | Path, output: str | Path) -> Path:
    """Make a submission ready to be loaded, in a folder of its own: it may write beside itself.

    Arguments:
        path: folder or zip with a `model.py`, or a package of this name, at its root; None for this project's own
            submission.
        directory: where it is unpacked or copied to, without what `is_left_out`.
        output: folder that is not copied, even if it lies in the submission's.

    Returns:
        `directory`.

    Raises:
        ChallengeError: no such path, not a zip, one that is damaged, encrypted or too large, a member of it outside its
            root, no `model.py` at its root; a folder that is too large, a file of it that cannot be read.
    """
    directory = Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    if path is None:
        _copy_own(directory)
        return directory
    if not str(path):
        raise ChallengeError("--submission is empty: it takes a folder or a zip with a model.py")
    path = Path(os.path.realpath(path))
    if not path.exists():
        raise ChallengeError(f"no such submission: {path}; --submission takes a folder or a zip with a model.py")
    folder = path if path.is_dir() else directory
    if folder is directory:
        _unpack(path, directory)
    if not any((folder / name).is_file() for name in MODEL_FILES):
        inside = sorted(file.parent.relative_to(folder).as_posix() for file in folder.glob("*/model.py"))
        hint = (
            f"lies in {inside[0]}/: give that folder, or zip its content"
            if inside
            else "is what a submission begins with"
        )
        raise ChallengeError(f"{path} has no model.py at its root; it {hint} (docs/write-a-model.md)")
    if folder is path:
        _copy(path, directory, Path(os.path.realpath(output)))
    return directory


def checksum(folder: str | Path) -> str:
    """SHA-256 of all files of a submission, names and contents; what `is_left_out` does not count."""
    digest = hashlib.sha256()
    for file in sorted(Path(folder).rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not any(map(is_left_out, name.parts)):
            digest.update(f"{name.as_posix()}\0{file.stat().st_size}\0".encode())
            with open(file, "rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def official_modules() -> set[str]:
    """Names of the modules that the official program finds before those of a submission."""
    return {path.stem for path in OFFICIAL_FOLDER.glob("[!_]*.py")}


#: Files and folders that tools leave in a folder, and that no submission reads; other hidden ones may hold weights.
_LEFT_BY_TOOLS = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".gitignore",
        ".gitattributes",
        ".github",
        ".venv",
        ".idea",
        ".vscode",
        ".DS_Store",
        "__MACOSX",
    }
    | {".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox"}
)


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is what a tool left: compiled code, a repository, a cache."""
    return name in _LEFT_BY_TOOLS or name.endswith((".pyc", ".swp"))


def load_model(folder: str | Path) -> Callable[..., Any]:
    """Import `Model` from the submission in `folder`, where `set_path` has put it on the search path.

    Returns:
        what makes the model: a class, or any other callable.

    Raises:
        ChallengeError: importing fails, or there is no `Model` that can be called.
    """
    for name in ("systematics", "ingestion"):  # where what a model is given is at home
        importlib.import_module(name)
    _forget_names_of(folder)
    try:
        module = importlib.import_module("model")
    except Exception as error:
        raise ChallengeError(f"{folder}/model.py cannot be imported: {type(error).__name__}: {error}") from error
    file = _file(module)
    if file not in [Path(folder).resolve() / name for name in MODEL_FILES]:
        raise ChallengeError(
            f"import model finds {file}, not {folder}/model.py: uninstall the package that has it, or take its folder "
            "off PYTHONPATH"
        )
    model: Callable[..., Any] | None = getattr(module, "Model", None)
    if not callable(model):
        raise ChallengeError(f"{folder}/model.py defines no class Model, nor anything of this name that can be called")
    return model


def set_path(folder: str | Path) -> None:
    """The official search path: the official modules first, the submission and its direct subfolders last.

    This project is taken off, in a clone and where it is installed, so that a submission neither leans on a module that
    is not in it nor gets one of ours for its own of the same name.
    """
    others = [entry for entry in sys.path if entry not in ("", os.getcwd()) and not _is_project(Path(entry))]
    sys.path[:] = [str(OFFICIAL_FOLDER), *others, *map(str, _searched(folder))]


def _is_project(entry: Path) -> bool:
    """Whether an entry of the search path is the root of this project, or its room `ingestion_test`."""
    return any((entry / room / OFFICIAL_FOLDER.name).is_dir() for room in ("", _ROOM))


def _searched(folder: str | Path) -> list[Path]:
    """Where modules of a submission are found: its folder and the direct subfolders."""
    entries = sorted(Path(folder).iterdir())
    return [Path(folder), *(entry for entry in entries if entry.is_dir() and not entry.name.startswith("__"))]


def hides_a_module(folder: str | Path) -> bool:
    """Whether a submission has a module that is not found here, as this room, which runs it, is named so."""
    if any((place / _ROOM / OFFICIAL_FOLDER.name).is_dir() for place in _searched(folder)):
        return False  # a copy of this project
    return _ROOM in _names_in(folder)


def _names_in(folder: str | Path) -> set[str]:
    return {entry.name.removesuffix(".py") for place in _searched(folder) for entry in place.iterdir()}


def _forget_names_of(folder: str | Path) -> None:
    """Take packages of this project that the process has imported off the names that the submission gives its own."""
    for name in _names_in(folder) - {_ROOM}:
        if name in sys.modules and _file(sys.modules[name]).is_relative_to(PROJECT):
            for module in [module for module in sys.modules if module.partition(".")[0] == name]:
                del sys.modules[module]


def _file(module: types.ModuleType) -> Path:
    return Path(getattr(module, "__file__", None) or "").resolve()


def _copy_own(directory: Path) -> None:
    for name in OWN_SUBMISSION:
        origin = PROJECT / name
        if origin.is_dir():
            copy = shutil.copytree(origin, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
            for folder in (
                copy,
                *filter(Path.is_dir, copy.rglob("*")),
            ):  # those of a read-only checkout cannot be removed
                folder.chmod(folder.stat().st_mode | 0o700)
        else:
            shutil.copy2(origin, directory / name)


def _copy(folder: Path, directory: Path, output: Path) -> None:
    """Copy the files and folders that make up a submission, but no more than a zip may hold."""
    size = 0
    for number, entry in enumerate(_entries(folder, output)):
        size += entry.stat().st_size if entry.is_file() else 0
        if size > MAX_UNPACKED_BYTES or number >= MAX_FILES:
            raise ChallengeError(
                f"{folder} has more than {MAX_UNPACKED_BYTES / 1e6:,.0f} MB or {MAX_FILES:,} files: give a folder that "
                "holds nothing but the submission"
            )
        copy = directory / entry.relative_to(folder)
        if entry.is_dir():
            copy.mkdir()
            continue
        try:
            content = open(entry, "rb")  # noqa: SIM115 (an error in writing is another one)
        except OSError as error:
            raise ChallengeError(
                f"{entry} cannot be read ({error.strerror}): mend it, or give another folder"
            ) from error
        with content, open(copy, "wb") as file:
            shutil.copyfileobj(content, file)
        shutil.copymode(entry, copy)


def _entries(folder: Path, output: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Paths of the folders and files below `folder`, links followed but in no circle; the parent before the child."""
    above = (*above, folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.is_file() and not is_left_out(path.name):
            yield path
        elif path.is_dir() and not is_left_out(path.name) and path.resolve() not in (*above, output):
            yield path
            yield from _entries(path, output, above)


def _unpack(path: Path, directory: Path) -> None:
    """Unpack a zip so that every member lands inside `directory`."""
    with _unpacking(path), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_size(path, members)
        for member in members:
            _check_member(path, member)
        archive.extractall(directory)


@contextlib.contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise ValueError("no regular file")
        yield
    except ChallengeError:
        raise
    except Exception as error:  # of the many kinds that damaged and encrypted archives give
        raise ChallengeError(f"{path} cannot be unpacked ({error}); --submission takes a folder or a zip") from error


def _check_size(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED_BYTES or len(members) > MAX_FILES:
        raise ChallengeError(
            f"{path} would unpack to {size / 1e6:,.0f} MB in {len(members):,} files; refused above "
            f"{MAX_UNPACKED_BYTES / 1e6:,.0f} MB or {MAX_FILES:,} files"
        )


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or PureWindowsPath(name).drive:
        raise ChallengeError(f"{path}: member {member.filename!r} would be unpacked outside the folder; refused")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ChallengeError(f"{path}: member {member.filename!r} is a link; pack the file itself")
