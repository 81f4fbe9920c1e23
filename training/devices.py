"""Where networks are trained."""

import torch

from runtime.errors import ChallengeError


def usable_device(name: str) -> torch.device:
    """The `torch.device` called `name`.

    Raises:
        ChallengeError: this machine does not have it.
    """
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ChallengeError("CUDA was asked for, but torch sees no CUDA device here: take the device cpu")
    return device


def own_gpu(device: str, number: int) -> str:
    """`device`, or of several GPUs the one that `number`, a task's or a process's, falls on."""
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    return f"cuda:{number % gpus}" if gpus > 1 else device
