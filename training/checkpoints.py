"""What long computations leave in files so that they can be resumed: finished pieces, and the state of a training."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from runtime import files
from runtime.errors import ChallengeError
from submission import codec
from submission.arrays import FloatArray

T = TypeVar("T")


def checkpointed(path: Path | None, about: str, kind: type[T], compute: Callable[[], T]) -> T:
    """What the file `path` holds, or what `compute` returns, kept there.

    Arguments:
        path: file; None to keep nothing.
        about: text that changes with all that the outcome depends on.
        kind: the dataclass that is computed.
        compute: function without arguments.

    Raises:
        ChallengeError: the file cannot be read or written, or is about something else.
    """
    if path is None:
        return compute()
    if path.exists():
        return read(path, kind, about, "remove it or use another --output")
    value = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, value, about)
    except OSError as error:
        raise ChallengeError(f"{path} could not be written ({error}): make room, or use another --output") from error
    return value


def save_checkpoint(path: Path, state: object, about: object) -> None:
    """Write the state of a training to `path`; if that fails, the file that was there is still there.

    Arguments:
        state: a dataclass.
        about: the settings of the training.

    Raises:
        ChallengeError: it cannot be written, the disk being full for example.
    """
    try:
        write(path, state, about)
    except OSError as error:
        raise ChallengeError(
            f"the checkpoint {path} could not be written ({error}); the one before it is kept"
        ) from error


def load_checkpoint(path: Path, kind: type[T], about: object) -> T:
    """Read the state of a training that `save_checkpoint` wrote.

    Raises:
        ChallengeError: it is no whole checkpoint, of another version or of other settings.
    """
    try:
        return read(path, kind, about, "remove it")
    except OtherOrigin as error:
        raise ChallengeError(f"{path} is a checkpoint of other settings: remove it or give another place") from error


class OtherOrigin(ChallengeError):
    """A file is whole, and made from something else than is asked for."""


def write(path: Path, value: object, about: object) -> None:
    """Write `value` and what it was made from to `path`, as `submission.codec` does; raises OSError."""
    with files.replaced(path, "wb") as file:
        file.write(codec.encode(value, about))


def read(path: Path, kind: type[T], about: object, remedy: str) -> T:
    """What `write` wrote to `path`.

    Arguments:
        kind: its class.
        about: what it must have been made from.
        remedy: what to do with a file that cannot be used.

    Raises:
        OtherOrigin: it was made from something else.
        ChallengeError: it cannot be read, or is of another version.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise codec.FormatError("it is no regular file")
        return codec.decode(kind, path.read_bytes(), about)
    except codec.OriginError as error:
        raise OtherOrigin(f"{path}: {error}; {remedy}") from error
    except (OSError, codec.FormatError) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): {remedy}") from error


@dataclass(frozen=True)
class OptimizerState:
    """What an optimizer remembers of each parameter: by the parameter's number, arrays by their names."""

    memory: dict[str, dict[str, FloatArray]]


def optimizer_state(optimizer: torch.optim.Optimizer) -> OptimizerState:
    """The state of an optimizer without its settings, which the training knows."""
    memory = optimizer.state_dict()["state"]
    return OptimizerState(
        {
            str(number): {name: values.cpu().numpy().copy() for name, values in entry.items()}
            for number, entry in memory.items()
        }
    )


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: OptimizerState) -> None:
    """Give an optimizer of the same parameters and settings the state that `optimizer_state` returned."""
    memory: dict[int, Any] = {
        int(number): {name: torch.as_tensor(values) for name, values in entry.items()}
        for number, entry in state.memory.items()
    }
    optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})
