"""A configuration of one's own: a preset and what differs from it, in a TOML file or on the command line.

    base = "default"            # a preset of `config.PRESETS`; default if it is left out

    [networks.classifier]       # any field of `config.Config`, in the tables that it lies in
    epochs = 20

A field that may be none takes the text "none".
"""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runtime.errors import ChallengeError
from submission.codec import FormatError, restored

from .config import PRESETS, Config


def load_config(path: Path) -> tuple[str, Config]:
    """The preset that the file `path` is based on, by its name, and the configuration.

    Raises:
        ChallengeError: it cannot be read, or a field does not exist or has a value that it cannot have; the message
            names the field and says what would be allowed.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise OSError("no such file")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): give a TOML file, see docs/cluster.md") from error
    base = content.pop("base", "default")
    if not isinstance(base, str) or base not in PRESETS:
        raise ChallengeError(f"{path}: base: one of {', '.join(PRESETS)} is needed, not {base!r}")
    try:
        config: Config = restored(Config, _merged(PRESETS[base].record(), content))
    except FormatError as error:
        raise ChallengeError(f"{path}: {error}") from error
    return base, config


def with_changes(config: Config, changes: Iterable[str]) -> Config:
    """A configuration with some fields changed.

    Arguments:
        config: what is changed.
        changes: texts such as "networks.classifier.epochs=4"; what stands after "=" is as in a TOML file, and a text
            needs no quotation marks.

    Raises:
        ChallengeError: a field does not exist, or has a value that it cannot have.
    """
    for change in changes:
        try:
            config = restored(Config, _merged(config.record(), _parsed(change)))
        except (FormatError, ValueError, RecursionError) as error:
            raise ChallengeError(f"--set {change}: {error}; such as networks.classifier.epochs=4") from error
    return config


def _parsed(change: str) -> dict[str, Any]:
    """The content of a line of TOML whose value may be a text without quotation marks."""
    key, _, value = change.partition("=")
    try:
        return tomllib.loads(change)
    except ValueError:
        return tomllib.loads(f"{key} = {json.dumps(value.strip())}")


def _merged(base: Any, changes: Any) -> Any:
    """`base` with what `changes` says; tables are merged field by field, all else takes the place of what was there."""
    if isinstance(changes, dict):
        fields = base if isinstance(base, dict) else {}
        return fields | {name: _merged(fields.get(name), value) for name, value in changes.items()}
    return None if changes == "none" else changes
