"""What Codabench would refuse or fail on, looked for in a zip before it is uploaded."""

from __future__ import annotations

import ast
import stat
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from ingestion_test.submissions import MAX_FILES, MAX_UNPACKED_BYTES, MODEL_FILES, official_modules
from runtime.errors import ChallengeError

from .archive import is_useless
from .image import MAX_BYTES
from .names import check_names
from .sources import check_imports, check_syntax, imports
from .trial import TRIAL_SECONDS, try_out

#: What is checked, and the function that does it: it returns what it saw, a text, or raises ChallengeError.
Check: TypeAlias = tuple[str, Callable[[], str]]


def checks(path: str | Path) -> list[Check]:
    """What tells whether Codabench would take a zip and run it, in the order in which it is worth trying.

    Arguments:
        path: the zip.

    Raises:
        ChallengeError: there is no such zip, it cannot be read, or is too large to be unpacked.
    """
    path = Path(path)
    if path.is_dir():
        raise ChallengeError(f"{path} is a folder: `python -m upload build --submission {path}` makes its zip")
    if not path.is_file():
        raise ChallengeError(f"no such file: {path}; `python -m upload build` makes submission.zip")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_unpacked_size(members)
            names = [_normal(member) for member in members]
            sources = {name: archive.read(member) for name, member in zip(names, members) if name.endswith(".py")}
    except ChallengeError:
        raise
    except Exception as error:  # of the many kinds that damaged and encrypted archives give
        raise ChallengeError(
            f"{path} is no zip that can be read ({error}): zip the content of the folder again"
        ) from error
    return [
        ("model.py at the root, nothing useless beside it", lambda: _check_files(path, members, names)),
        ("Python 3.10, as in the image", lambda: check_syntax(sources)),
        ("packages of the image, and names in them", lambda: f"{check_imports(sources)}; {check_names(sources)}"),
        ("no module named as one of the official program's", lambda: _check_modules(sources)),
        (f"a run on simulated events, some minutes ({TRIAL_SECONDS // 60} at the most)", lambda: try_out(path)),
    ]


def _normal(member: zipfile.ZipInfo) -> str:
    """The name of a member as it lies in the unpacked folder; some programs write ./model.py."""
    return PurePosixPath(member.filename).as_posix()


def _check_unpacked_size(members: Sequence[zipfile.ZipInfo]) -> None:
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED_BYTES or len(members) > MAX_FILES:
        raise ChallengeError(
            f"the zip would unpack to {size / 1e6:,.0f} MB in {len(members):,} files, more than "
            f"{MAX_UNPACKED_BYTES / 1e6:,.0f} MB or {MAX_FILES:,} files: make it smaller"
        )


def _check_members(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse members that other systems write, and that the image's would not unpack as they are meant."""
    for member in members:
        if "\\" in member.orig_filename:
            raise ChallengeError(
                f"the zip holds {member.orig_filename}: Linux takes the backslash as a part of the name; make the zip "
                "with `python -m upload build --submission DIR`"
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ChallengeError(f"the zip holds {member.filename}, a link: pack the file itself")


def _check_files(path: Path, members: Sequence[zipfile.ZipInfo], names: Sequence[str]) -> str:
    _check_members(members)
    if not set(MODEL_FILES) & set(names):
        other_case = next((name for name in names if name.lower() == "model.py"), None)
        if other_case:
            raise ChallengeError(f"the zip holds {other_case}, and Linux tells cases apart: rename it model.py")
        deep = next((name for name in names if name.endswith("/model.py")), None)
        hint = f"it is {deep}: zip the content of the folder, not the folder" if deep else "put it beside the rest"
        raise ChallengeError(f"no model.py at the root of the zip; {hint}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ChallengeError(f"the zip holds {twice[0]} more than once: leave one of them")
    useless = [name for name in names if is_useless(name)]
    if useless:
        raise ChallengeError(f"the zip holds {useless[0]}, which a tool has left there: leave such files out")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ChallengeError(
            f"the zip has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make its files smaller"
        )
    return f"{len(names)} files, {size / 1e6:.1f} MB"


def _check_modules(sources: Mapping[str, bytes]) -> str:
    """Refuse a module that the official program's search path has before it."""
    imported = {module for source in sources.values() for _, module in imports(ast.parse(source))}
    for name in sources:
        # Modules and packages are looked for at the root and in its folders, no deeper; those of a folder, which may
        # be a package, are in their place as long as nobody calls them by this name alone.
        root, *inner = (part.removesuffix(".py") for part in PurePosixPath(name).parts[:2])
        for module in ({root} | set(inner) & imported) & official_modules():
            raise ChallengeError(
                f"{name}: the official program has a module {module} and finds its own first; rename it"
            )
    return f"none of {', '.join(sorted(official_modules()))}"
