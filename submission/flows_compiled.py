"""The flows' compiled backend: flows_kernel.c, built for this machine where a C compiler is found.

It evaluates flows 2.2 times as fast as torch alone (docs/performance.md#flows). It is optional:
`submission.flows.evaluate` falls back to torch, and `backend()` says which of the two is in use and why.
"""

import ctypes
import functools
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .arrays import FloatArray

if TYPE_CHECKING:
    from .flows import Flow

SOURCE = Path(__file__).with_name("flows_kernel.c")
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC"]
FLAGS += ["-mprefer-vector-width=512"] if platform.machine() == "x86_64" else []
ROWS = 4  # outputs per block of packed weights, as in the source
KINDS = {"GatedAffine": 0, "Quadratic": 1, "Hyperbolic": 2}


@functools.cache
def _built() -> tuple[Callable[..., int] | None, str]:
    """Build and load the kernel once per process; return (function or None, what happened, a text)."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None, "torch (no C compiler here)"
    try:
        return _compiled(compiler), f"compiled ({compiler})"
    except OSError as error:  # besides the compiler's: no place for files, or one from which nothing may be loaded
        return None, f"torch ({' '.join(str(error).split())[-300:]})"


def _compiled(compiler: str) -> Callable[..., int]:
    """The kernel, a function; OSError where it cannot be built or loaded."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, library = Path(folder) / "flows_kernel.o", Path(folder) / "flows_kernel.so"
        # Linked by itself: -ffast-math at that point would switch denormal numbers off for the whole process.
        for command in ([*FLAGS, "-c", SOURCE, "-o", compiled], ["-shared", compiled, "-o", library, "-lm"]):
            process = subprocess.run([compiler, *map(str, command)], capture_output=True, text=True)
            if process.returncode:
                raise OSError(f"{compiler} failed: {' '.join(process.stderr.split())[-200:]}")
        function: Any = ctypes.CDLL(str(library)).log_q
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 4, ctypes.c_void_p, ctypes.c_long]
    function.argtypes += [ctypes.c_void_p]
    log_q: Callable[..., int] = function
    return log_q


def backend() -> str:
    """Say what evaluates flows on this machine's CPU: "compiled (...)", or "torch (...)" with the reason."""
    return _built()[1]


class CompiledFlow:
    """A `Flow` with its weights packed for the kernel.

    Arguments:
        flow: a `Flow` that is `usable`.
    """

    def __init__(self, flow: "Flow") -> None:
        self.config, self.flows = flow.config, flow.flows
        self.plan = np.array([(KINDS[kind.__name__], kept, changed) for kind, kept, changed in flow.plan], np.int32)
        layers = [pair for c in flow.conditioners for pair in zip(c.weights, c.biases)]
        self.weights = np.concatenate([_packed(weight, bias) for weight, bias in layers], 1)

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Return log q (events, flows) of events (events, features) or (flows, events, features), float32 arrays."""
        x = np.broadcast_to(x, (self.flows, *x.shape[-2:]))
        return np.stack([self._log_prob(weights, events) for weights, events in zip(self.weights, x)], 1)

    def _log_prob(self, weights: FloatArray, x: FloatArray) -> FloatArray:
        function, c, out = _built()[0], self.config, np.empty(len(x), np.float32)
        if function is None:
            raise ValueError(f"there is no compiled kernel: {backend()}")
        x = np.ascontiguousarray(x)
        sizes = (c.layers, c.depth, c.width, c.features)
        if function(weights.ctypes.data, self.plan.ctypes.data, *sizes, x.ctypes.data, len(x), out.ctypes.data):
            raise ValueError(f"the compiled kernel is not laid out for {c}")
        return out


def usable(flow: "Flow") -> bool:
    """Whether the kernel exists here and reads flows of this shape and these transforms."""
    c = flow.config
    fits = c.features <= 128 and c.width <= 256 and c.width % ROWS == 0
    on_cpu: bool = flow.scale.device.type == "cpu"
    known = all(kind.__name__ in KINDS for kind, _, _ in flow.plan)
    return on_cpu and fits and known and _built()[0] is not None


def _packed(weight: torch.Tensor, bias: torch.Tensor) -> FloatArray:
    """Order weights (flows, outputs, inputs) and biases by blocks of ROWS outputs, padded: (flows, numbers)."""
    both = torch.cat([bias, weight], 2).detach().float()
    both = torch.nn.functional.pad(both, (0, 0, 0, -both.shape[1] % ROWS))
    packed: FloatArray = both.unflatten(1, (-1, ROWS)).transpose(2, 3).flatten(1).numpy()
    return packed
