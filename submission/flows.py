"""Coupling flows whose log-density is the discriminating variable of the method.

A `Flow` holds several flows of one architecture side by side, their weights stacked along the first axis, so that the
flows of one event category (or the seeds of one study) are trained and evaluated by the same matrix products. The
data are kept as (flows, features, events) inside: a coupling layer then reads one half of the features and changes the
other without a mask, and every product and element-wise operation runs along the contiguous axis of events.

References:
    I. Elsharkawy and Y. Kahn, "Contrastive Normalizing Flows for Uncertainty-Aware Parameter Estimation",
    arXiv:2505.08709, sec. 4 and app. A: the equations cited below.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Protocol, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import flows_compiled
from .arrays import ArrayLike, FloatArray
from .category_network import arrays_of, load_arrays
from .codec import Bounds

LAYERS_PER_LOG = 8  # one logarithm for the product of so many layers' slopes, few enough never to overflow
LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


# Transforms: y = f(x), one coordinate at a time, with parameters from the conditioner ------------------------------


class Transform(Protocol):
    """A transform of one coordinate, whose parameters a conditioner gives; `parameters` is their number."""

    parameters: int

    @staticmethod
    def forward(x: torch.Tensor, raw: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return y and dy/dx, both of the shape of x."""

    @staticmethod
    def inverse(y: torch.Tensor, raw: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return x."""


class GatedAffine:
    """Gated affine transform (eq. 15): y = (1 - g) x + g (x exp(s) + t), 0 < g < 1.

    The log scale is bounded, s = tanh(.), so that 30 layers cannot overflow; the slope 1 + g (exp(s) - 1) is positive.

    Example:
        >>> x = torch.tensor([-30.0, 0.5])
        >>> y, slope = GatedAffine.forward(x, (torch.tensor(0.3), torch.tensor(2.0), torch.tensor(0.0)))
        >>> torch.allclose(GatedAffine.inverse(y, (torch.tensor(0.3), torch.tensor(2.0), torch.tensor(0.0))), x)
        True
    """

    parameters = 3

    @staticmethod
    def _slope_and_shift(raw: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        s, t, g = raw
        g = torch.sigmoid(g)
        return 1 + g * torch.expm1(torch.tanh(s)), g * t

    @staticmethod
    def forward(x: torch.Tensor, raw: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return y and dy/dx, both of the shape of x."""
        slope, shift = GatedAffine._slope_and_shift(raw)
        return torch.addcmul(shift, x, slope), slope

    @staticmethod
    def inverse(y: torch.Tensor, raw: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return x."""
        slope, shift = GatedAffine._slope_and_shift(raw)
        return (y - shift) / slope


class Quadratic:
    """Quadratic transform as published (eq. 16): y = x + s x^2 + t with s = 0.1 tanh(.).

    Not invertible: it folds at x = -1/(2s), so at |x| > 5 two points can share one y, the "density" built on it
    integrates to more than 1, and `inverse` returns the root on the side of the fold where |x| is small. Far out, 15
    such layers square their input again and again: it overflows, and log q is NaN.
    """

    parameters = 2

    @staticmethod
    def forward(x: torch.Tensor, raw: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return y and dy/dx, both of the shape of x."""
        s, t = 0.1 * torch.tanh(raw[0]), raw[1]
        return torch.addcmul(x + t, s, x**2), 1 + 2 * s * x

    @staticmethod
    def inverse(y: torch.Tensor, raw: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the root nearer to zero; NaN where y lies beyond the fold and has none."""
        s, t = 0.1 * torch.tanh(raw[0]), raw[1]
        # The usual root (-1 + sqrt(1 + 4 s d)) / (2 s), written so that s = 0 is no special case.
        return 2 * (y - t) / (1 + torch.sqrt(1 + 4 * s * (y - t)))


class Hyperbolic:
    """The monotone counterpart of the quadratic transform: y = x + s (sqrt(1 + x^2) - 1) + t with s = 0.9 tanh(.).

    Near zero it is the quadratic one, y = x + s x^2 / 2 + t; far out x^2 turns into |x|, so the slope
    1 + s x / sqrt(1 + x^2) lies between 1 - |s| and 1 + |s|: positive for every x, hence invertible everywhere, with
    the inverse in closed form. A bend between two slopes is also what a density with a sharp edge asks for.
    """

    parameters = 2

    @staticmethod
    def forward(x: torch.Tensor, raw: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return y and dy/dx, both of the shape of x."""
        s, t = 0.9 * torch.tanh(raw[0]), raw[1]
        root = torch.sqrt(1 + x**2)
        return torch.addcmul(x + t, s, root - 1), torch.addcdiv(torch.ones_like(x), s * x, root)

    @staticmethod
    def inverse(y: torch.Tensor, raw: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return x."""
        s, t = 0.9 * torch.tanh(raw[0]), raw[1]
        y = y - t + s
        rest = 1 - s**2
        return (y - s * torch.sqrt(y**2 + rest)) / rest


TRANSFORMS: dict[str, type[Transform]] = {
    "gated_affine": GatedAffine,
    "quadratic": Quadratic,
    "hyperbolic": Hyperbolic,
}


# The flow -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    """The shape of a flow; the defaults are the paper's size (app. A) with an invertible transform in the odd layers.

    Arguments:
        features: number of features of an event, at least 2.
        layers: number of coupling layers.
        depth, width: hidden layers of each conditioner, and units in each of them.
        even, odd: names in TRANSFORMS of the transforms of the even and the odd layers.

    Raises:
        ValueError: a value is out of its range.
    """

    features: Annotated[int, Bounds(2, 10**6)]
    layers: Annotated[int, Bounds(1, 10**6)] = 30
    depth: Annotated[int, Bounds(1, 10**6)] = 5
    width: Annotated[int, Bounds(1, 10**6)] = 64
    even: str = "gated_affine"
    odd: str = "hyperbolic"

    def __post_init__(self) -> None:
        for name, least in (("features", 2), ("layers", 1), ("depth", 1), ("width", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"a flow needs {name} >= {least}, not {getattr(self, name)}")
        for name in (self.even, self.odd):
            if name not in TRANSFORMS:
                raise ValueError(f"unknown transform {name!r}: one of {', '.join(TRANSFORMS)}")


class Conditioner(nn.Module):
    """The networks of one coupling layer, one per flow: the kept features in, the transform's parameters out.

    Arguments:
        flows: number of flows side by side.
        sizes: units per layer, from the input to the output.
        generator: `torch.Generator` of the initial weights. The output layer starts small: the flow near the identity.
    """

    def __init__(self, flows: int, sizes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            last = layer == len(sizes) - 2
            bound = (0.1 if last else 1.0) / math.sqrt(inputs)
            for parameters, shape in ((self.weights, (flows, outputs, inputs)), (self.biases, (flows, outputs, 1))):
                parameters.append(nn.Parameter((2 * torch.rand(shape, generator=generator) - 1) * bound))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Map (flows, inputs, events) to (flows, outputs, events)."""
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            h = torch.bmm(weight, h).add_(bias)  # baddbmm would first write the bias out in full, slowly
            if layer < last:
                h = functional.gelu(h) if torch.is_grad_enabled() else torch.ops.aten.gelu_(h)
        return h


@dataclasses.dataclass(frozen=True)
class FlowState:
    """What makes a `Flow`: its configuration, the number of flows, and its weights by their names."""

    config: FlowConfig
    flows: int
    weights: dict[str, FloatArray]


class Flow(nn.Module):
    """Normalizing flows of coupling layers over a standard normal base, several of them side by side.

    Each layer changes one half of the features (checkerboard: the even or the odd columns) by a transform whose
    parameters are functions of the other half. Halves and kinds of transform alternate; midway the halves swap their
    kinds, so that every feature meets both.

    Arguments:
        config: `FlowConfig`.
        flows: number of flows held.
        seed: seed of the initial weights.

    Example:
        >>> flow = Flow(FlowConfig(features=3, layers=4, width=8), flows=2, seed=1)
        >>> x = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
        >>> flow.log_prob(x).shape
        torch.Size([2, 5])
        >>> z, log_jacobian = flow.transform(x)
        >>> torch.allclose(flow.inverse(z)[0], x, atol=1e-4)
        True
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, config: FlowConfig, flows: int = 1, seed: int = 0) -> None:
        super().__init__()
        self.config, self.flows = config, flows
        generator = torch.Generator().manual_seed(seed)
        hidden = [config.width] * config.depth
        # Per layer: transform, kept half, changed half.
        self.plan: list[tuple[type[Transform], int, int]] = []
        conditioners = []
        for layer in range(config.layers):
            kind = TRANSFORMS[config.odd if layer % 2 else config.even]
            changed = (layer + (2 * layer < config.layers)) % 2
            sizes = [len(range(half, config.features, 2)) for half in (1 - changed, changed)]
            self.plan.append((kind, 1 - changed, changed))
            conditioners.append(Conditioner(flows, [sizes[0], *hidden, kind.parameters * sizes[1]], generator))
        self.conditioners = cast("Sequence[Conditioner]", nn.ModuleList(conditioners))
        self.register_buffer("centre", torch.zeros(flows))
        self.register_buffer("scale", torch.ones(flows))

    def require_shape(self, x: FloatArray | torch.Tensor) -> None:
        """Raise ValueError unless x, an array or a tensor, has the shape of events that these flows read."""
        if x.shape[-1] != self.config.features or x.ndim not in (2, 3) or (x.ndim == 3 and len(x) != self.flows):
            raise ValueError(
                f"this flow reads events of shape (events, {self.config.features}), or ({self.flows}, events, "
                f"{self.config.features}) for each of its flows their own, not {tuple(x.shape)}"
            )

    def _halves(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Split events (..., events, features) into the even and the odd features, each (flows, features, events)."""
        self.require_shape(x)
        x = x.transpose(-1, -2).expand(self.flows, -1, -1)
        return [x[:, 0::2], x[:, 1::2]]

    def _raw(self, layer: int, kept: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return the parameters of a layer's transform, each (flows, changed features, events)."""
        raw: torch.Tensor = self.conditioners[layer](kept)
        parameters: tuple[torch.Tensor, ...] = raw.unflatten(1, (self.plan[layer][0].parameters, -1)).unbind(1)
        return parameters

    def transform(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map events to the base space.

        Arguments:
            x: (events, features), the same for all flows, or (flows, events, features).

        Returns:
            z, (flows, events, features), and log |det dz/dx|, (flows, events).
        """
        halves, log_jacobian = self._halves(x), x.new_zeros(())
        slopes = [torch.ones_like(half) for half in halves]
        for layer, (kind, kept, changed) in enumerate(self.plan):
            halves[changed], slope = kind.forward(halves[changed], self._raw(layer, halves[kept]))
            slopes[changed] = slopes[changed] * slope
            if (layer + 1) % LAYERS_PER_LOG == 0 or layer + 1 == len(self.plan):
                log_jacobian = log_jacobian + sum(slope.abs().log().sum(1) for slope in slopes)
                slopes = [torch.ones_like(half) for half in halves]
        return _interleaved(halves), log_jacobian

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        """Map points of the base space, of a shape that `transform` reads, to events (flows, events, features)."""
        halves = self._halves(z)
        for layer, (kind, kept, changed) in reversed(list(enumerate(self.plan))):
            halves[changed] = kind.inverse(halves[changed], self._raw(layer, halves[kept]))
        return _interleaved(halves)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return log q(x), (flows, events), of events (events, features) or (flows, events, features)."""
        z, log_jacobian = self.transform(x)
        return log_jacobian - 0.5 * (z**2).sum(-1) - self.config.features * LOG_SQRT_2PI

    def sample(self, events: int, seed: int) -> torch.Tensor:
        """Draw `events` events from each flow: (flows, events, features)."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(self.flows, events, self.config.features, generator=generator)
        with torch.no_grad():
            return self.inverse(z.to(self.scale))

    def set_scale(self, log_q: FloatArray) -> None:
        """Scale the discrimination functions by a sample's log q (events, flows): its median, half its central 68%."""
        low, middle, high = np.quantile(log_q, [0.16, 0.5, 0.84], axis=0)
        self.centre.copy_(torch.as_tensor(middle))
        self.scale.copy_(torch.as_tensor((high - low) / 2).clamp(min=1e-3))

    def discrimination(self, log_q: ArrayLike) -> FloatArray:
        """Return the discrimination functions, (events, flows) between 0 and 1, from what `evaluate` returns.

        They are sigmoid((log q - centre) / scale), monotonic in q. Before `set_scale` centre is 0 and scale 1: the
        plain sigmoid(log q), which squeezes everything improbable to 0.
        """
        functions: FloatArray = torch.sigmoid((torch.as_tensor(log_q) - self.centre.cpu()) / self.scale.cpu()).numpy()
        return functions

    def state(self) -> FlowState:
        """Return all that makes this flow, as `submission.codec` writes it."""
        return FlowState(self.config, self.flows, arrays_of(self))

    @classmethod
    def from_state(cls, state: FlowState) -> "Flow":
        """Return the flow that `state` describes, ready to be used, not trained.

        Raises:
            ValueError: its weights do not have the shapes of its configuration.
        """
        flow = cls(state.config, state.flows)
        load_arrays(flow, state.weights)
        flow.requires_grad_(False)
        return flow


def _interleaved(halves: Sequence[torch.Tensor]) -> torch.Tensor:
    """Put the even and the odd features (flows, features, events) back in order: (flows, events, features)."""
    x = halves[0].new_empty(halves[0].shape[0], halves[0].shape[1] + halves[1].shape[1], halves[0].shape[2])
    x[:, 0::2], x[:, 1::2] = halves
    return x.transpose(1, 2)


# Evaluation -----------------------------------------------------------------------------------------------------


def evaluate(flow: Flow, x: ArrayLike, chunk: int = 1024, compiled: bool = True) -> FloatArray:
    """Return log q of many events, (events, flows) float32: `Flow.log_prob` without gradients, on all cores.

    Each of torch's threads works on a chunk of its own, so small that a hidden layer stays in the core's cache; that
    is faster than letting all threads share every one of the many small products.

    Arguments:
        flow: a `Flow`.
        x: events (events, features), or (flows, events, features) for each flow its own; a NumPy array.
        chunk: events per call.
        compiled: use the compiled kernel where `flows_compiled.usable(flow)`; `flows_compiled.backend()` says why not.

    Raises:
        ValueError: the number of features is not the flow's, or a value is not finite.
    """
    x = np.ascontiguousarray(x, dtype=np.float32)
    flow.require_shape(x)
    bad = ~np.isfinite(x).all(-1)
    if bad.any():
        raise ValueError(f"{bad.sum()} of {bad.size} events hold NaN or infinity; the flow needs finite features")
    threads = torch.get_num_threads()

    def with_torch(events: FloatArray) -> FloatArray:
        with torch.inference_mode():
            log_q: FloatArray = flow.log_prob(torch.from_numpy(events).to(flow.scale)).T.float().cpu().numpy()
            return log_q

    use_kernel = compiled and flows_compiled.usable(flow)
    log_prob = flows_compiled.CompiledFlow(flow).log_prob if use_kernel else with_torch
    chunks = [x[..., start : start + chunk, :] for start in range(0, max(1, x.shape[-2]), chunk)]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return np.concatenate(list(pool.map(log_prob, chunks)))
    finally:
        torch.set_num_threads(threads)  # MKL's count is the process's, not the thread's
