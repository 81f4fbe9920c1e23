"""The zip: what this project's own submission consists of, and nothing else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ingestion_test.submissions import OWN_SUBMISSION, PROJECT, is_left_out
from runtime.errors import ChallengeError
from runtime.files import replaced

from .image import MAX_BYTES

#: The file of `submission/` that only serves the command line.
NOT_UPLOADED = "submission/__main__.py"

#: Time of all members, so that the same files give the same zip.
_DATE = (2025, 1, 1, 0, 0, 0)


def build(path: str | Path) -> int:
    """Write the upload of this project's own submission.

    Arguments:
        path: the zip to write. The same files give the same zip, byte by byte.

    Returns:
        its size in bytes.

    Raises:
        ChallengeError: it is larger than Codabench takes, or cannot be written.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files():
            member = zipfile.ZipInfo(file.relative_to(PROJECT).as_posix(), _DATE)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(member, file.read_bytes())
    size = len(content.getvalue())
    if size > MAX_BYTES:
        raise ChallengeError(
            f"{path} has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make the artifacts smaller"
        )
    try:
        with replaced(path, "wb") as file:
            file.write(content.getvalue())
    except OSError as error:
        raise ChallengeError(f"{path} cannot be written: {error.strerror or error}; give another place") from error
    return size


def is_useless(name: str) -> bool:
    """Whether a member of a zip is what a tool left in a folder, or lies in such a folder."""
    return any(map(is_left_out, PurePosixPath(name).parts))


def _files() -> Iterator[Path]:
    for name in OWN_SUBMISSION:
        place = PROJECT / name
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            member = file.relative_to(PROJECT).as_posix()
            hidden = any(part.startswith(".") for part in PurePosixPath(member).parts)
            if file.is_file() and not hidden and not is_useless(member) and member != NOT_UPLOADED:
                yield file
