"""The zip: what a submission consists of, and nothing else."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ingestion_test.submissions import OWN_SUBMISSION, PROJECT, is_left_out, prepare
from runtime.errors import ChallengeError
from runtime.files import replaced

from .image import MAX_BYTES

#: The file of `submission/` that only serves the command line.
NOT_UPLOADED = "submission/__main__.py"

#: Time of all members, so that the same files give the same zip.
_DATE = (2025, 1, 1, 0, 0, 0)


def build(path: str | Path, submission: str | Path | None = None) -> int:
    """Write the upload of a submission.

    Arguments:
        path: the zip to write. The same files give the same zip, byte by byte.
        submission: folder with `model.py` at its root, without whose caches and hidden files; None for this project's
            own submission.

    Returns:
        its size in bytes.

    Raises:
        ChallengeError: it is larger than Codabench takes, or cannot be written; as `submissions.prepare`.
    """
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as work, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        files = _own_files() if submission is None else _files(submission, Path(path), Path(work))
        for name, file in files:
            member = zipfile.ZipInfo(name, _DATE)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(member, file.read_bytes())
    size = len(content.getvalue())
    if size > MAX_BYTES:
        raise ChallengeError(f"{path} has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make its files smaller")
    try:
        with replaced(path, "wb") as file:
            file.write(content.getvalue())
    except OSError as error:
        raise ChallengeError(f"{path} cannot be written: {error.strerror or error}; give another place") from error
    return size


def is_useless(name: str) -> bool:
    """Whether a member of a zip is what a tool left in a folder, or lies in such a folder."""
    return any(map(is_left_out, PurePosixPath(name).parts))


def _own_files() -> Iterator[tuple[str, Path]]:
    """Names in the zip and paths of the files of this project's own submission."""
    for name in OWN_SUBMISSION:
        place = PROJECT / name
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            member = file.relative_to(PROJECT).as_posix()
            hidden = any(part.startswith(".") for part in PurePosixPath(member).parts)
            if file.is_file() and not hidden and not is_useless(member) and member != NOT_UPLOADED:
                yield member, file


def _files(submission: str | Path, path: Path, work: Path) -> Iterator[tuple[str, Path]]:
    """As `_own_files` of another submission, copied to the empty folder `work`; without the zip `path` itself."""
    folder = prepare(submission, work / "submission", work)
    for file in sorted(folder.rglob("*")):
        member = file.relative_to(folder)
        if file.is_file() and Path(submission, member).resolve() != path.resolve():
            yield member.as_posix(), file
