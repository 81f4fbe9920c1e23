"""What the fit of a submission is told and says, and fitted models that are used again.

A model may have two attributes that the official program does not know: `fit_summary`, a dict of texts that the report
shows, and `fit_is_reusable`, whether the fitted model is determined by events and code alone. Such a model is kept in
the cache, so that the next run of the same submission on the same events does not fit it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.files import parsed_json, replaced, write_json

from .jobs import Job
from .simulation.cache import default_cache
from .surroundings import MODEL_FORMAT

#: Environment variable that tells a submission how many minutes its fit may take.
MINUTES_VARIABLE = "HIGGSML_FIT_MINUTES"

#: File in the output folder of a run.
FIT_FILE = "fit.json"

#: File in the folder of the cache.
_MODEL_FILE = "model.pkl"

#: What a fitted model depends on, of the identity of a run.
_DEPENDS_ON = ("data", "sum_weights", "submission")


def cache_folder(identity: Mapping[str, Any], fit_minutes: float | None) -> Path:
    """Folder in the cache for the fitted model of a run of this identity."""
    minutes = os.environ.get(MINUTES_VARIABLE) if fit_minutes is None else f"{fit_minutes:g}"
    text = json.dumps([MODEL_FORMAT, minutes, *(identity[name] for name in _DEPENDS_ON)])
    return default_cache() / f"fit-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def cached_model(identity: Mapping[str, Any], fit_minutes: float | None) -> Path | None:
    """File of the fitted model that an earlier run of this identity has left in the cache; None if there is none."""
    model = cache_folder(identity, fit_minutes) / _MODEL_FILE
    return model if model.is_file() else None


def announce(job: Job) -> None:
    """Tell the submission of this process the minutes that its fit may take."""
    if job.fit_minutes is not None:
        os.environ[MINUTES_VARIABLE] = f"{job.fit_minutes:g}"


def record(job: Job, model: Any) -> None:
    """Write what a fitted model says of its fit into the output folder of the run.

    Raises:
        OSError: it cannot be written.
    """
    summary = getattr(model, "fit_summary", None)
    if job.log is None or not isinstance(summary, dict):
        return
    texts = {str(name): str(text) for name, text in summary.items()}
    reusable = getattr(model, "fit_is_reusable", False) is True
    write_json(job.log.parent / FIT_FILE, {"summary": texts, "reusable": reusable})


def summary(folder: str | os.PathLike[str]) -> dict[str, str]:
    """What the fit of the run in `folder` has said: texts by their names; empty where it has said nothing."""
    content = _content(Path(folder, FIT_FILE))
    return {str(name): str(text) for name, text in content.get("summary", {}).items()}


def restore(job: Job) -> bool:
    """Take a fitted model out of the cache to where its run expects it, if it is there; returns whether it was."""
    pairs = _files(job)
    if not pairs or not all(kept.is_file() and not wanted.exists() for wanted, kept in pairs):
        return False
    with contextlib.suppress(OSError):  # the cache is of help, not of need
        for wanted, kept in pairs:
            _copy(kept, wanted)
        return True
    return False


def keep(job: Job) -> None:
    """Put the fitted model of a run into the cache, if it says that it can be used again."""
    pairs = _files(job)
    if pairs and all(wanted.exists() for wanted, _ in pairs) and _content(pairs[0][0]).get("reusable"):
        with contextlib.suppress(OSError):
            for wanted, kept in pairs:
                _copy(wanted, kept)


def _files(job: Job) -> list[tuple[Path, Path]]:
    """Pairs of files, of the run and of the cache: what the fit has said, and the model."""
    if job.log is None or job.model_file is None or job.fit_cache is None:
        return []
    return [(job.log.parent / FIT_FILE, job.fit_cache / FIT_FILE), (job.model_file, job.fit_cache / _MODEL_FILE)]


def _copy(origin: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with replaced(copy, "wb") as file, open(origin, "rb") as content:
        shutil.copyfileobj(content, file)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = parsed_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("summary"), dict) else {}
