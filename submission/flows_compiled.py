"""The flows' compiled backend: flows_kernel.c, built for this machine where a C compiler is found.

Optional: `submission.flows.evaluate` falls back to torch, and `backend()` says which of the two is in use and why.
"""

import ctypes
import functools
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

SOURCE = Path(__file__).with_name("flows_kernel.c")
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC"]
FLAGS += ["-mprefer-vector-width=512"] if platform.machine() == "x86_64" else []
ROWS = 4  # outputs per block of packed weights, as in the source
KINDS = {"GatedAffine": 0, "Quadratic": 1, "Hyperbolic": 2}


@functools.cache
def _built():
    """Build and load the kernel once per process; return (function or None, what happened, a text)."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None, "torch (no C compiler here)"
    try:
        return _compiled(compiler), f"compiled ({compiler})"
    except OSError as error:  # besides the compiler's: no place for files, or one from which nothing may be loaded
        return None, f"torch ({' '.join(str(error).split())[-300:]})"


def _compiled(compiler):
    """The kernel, a function; OSError where it cannot be built or loaded."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, library = Path(folder) / "flows_kernel.o", Path(folder) / "flows_kernel.so"
        # Linked by itself: -ffast-math at that point would switch denormal numbers off for the whole process.
        for command in ([*FLAGS, "-c", SOURCE, "-o", compiled], ["-shared", compiled, "-o", library, "-lm"]):
            done = subprocess.run([compiler, *map(str, command)], capture_output=True, text=True)
            if done.returncode:
                raise OSError(f"{compiler} failed: {' '.join(done.stderr.split())[-200:]}")
        function = ctypes.CDLL(str(library)).log_q
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 4, ctypes.c_void_p, ctypes.c_long]
    function.argtypes += [ctypes.c_void_p]
    return function


def backend():
    """Say what evaluates flows on this machine's CPU: "compiled (...)", or "torch (...)" with the reason."""
    return _built()[1]


class CompiledFlow:
    """A `Flow` with its weights packed for the kernel.

    Arguments:
        flow: a `Flow` that is `usable`.
    """

    def __init__(self, flow):
        self.config, self.flows = flow.config, flow.flows
        self.plan = np.array([(KINDS[kind.__name__], kept, changed) for kind, kept, changed in flow.plan], np.int32)
        layers = [pair for c in flow.conditioners for pair in zip(c.weights, c.biases)]
        self.weights = np.concatenate([_packed(weight, bias) for weight, bias in layers], 1)

    def log_prob(self, x):
        """Return log q (events, flows) of events (events, features) or (flows, events, features), float32 arrays."""
        x = np.broadcast_to(x, (self.flows, *x.shape[-2:]))
        return np.stack([self._log_prob(weights, own) for weights, own in zip(self.weights, x)], 1)

    def _log_prob(self, weights, x):
        function, c, out = _built()[0], self.config, np.empty(len(x), np.float32)
        x = np.ascontiguousarray(x)
        sizes = (c.layers, c.depth, c.width, c.features)
        if function(weights.ctypes.data, self.plan.ctypes.data, *sizes, x.ctypes.data, len(x), out.ctypes.data):
            raise ValueError(f"the compiled kernel is not laid out for {c}")
        return out


def usable(flow):
    """Whether the kernel exists here and reads flows of this shape."""
    c = flow.config
    fits = c.features <= 128 and c.width <= 256 and c.width % ROWS == 0
    return flow.scale.device.type == "cpu" and fits and _built()[0] is not None


def _packed(weight, bias):
    """Order weights (flows, outputs, inputs) and biases by blocks of ROWS outputs, padded: (flows, numbers)."""
    both = torch.cat([bias, weight], 2).detach().float()
    both = torch.nn.functional.pad(both, (0, 0, 0, -both.shape[1] % ROWS))
    return both.unflatten(1, (-1, ROWS)).transpose(2, 3).flatten(1).numpy()
