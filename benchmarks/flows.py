"""Throughput of the flows beside a plain version, nflows and zuko: `python -m benchmarks.flows`.

All versions have the paper's size (30 coupling layers, 5 hidden layers of 64) and float32. The plain version is the
same function written as in most tutorials: masks instead of halves, one flow after the other, events as rows; it
shares its weights with the fast ones (the compiled kernel, and torch alone), and the largest difference between their
log q is printed. nflows' SimpleRealNVP and zuko's NICE have affine layers and another initialisation: same size, not
the same function. All take turns within one run, so that other load on the machine hits all alike. Printed are medians
over the rounds, and how many times as fast as torch alone a version is, by the CPU time, with the range of the rounds.
Both libraries come from benchmarks/requirements.txt.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.timing import spread
from runtime.tables import Table
from submission.arrays import FloatArray
from submission.flows import Flow, FlowConfig, evaluate
from submission.flows_compiled import backend
from training.flows import contrastive_loss

#: Features of the two event categories, and flows of each.
FEATURES, FLOWS = (27, 20), 4

#: Events of a training step.
BATCH = 1000

#: A function, and the events x flows that one call treats.
Call = tuple[Callable[[], object], int]


class PlainFlow(nn.Module):
    """One flow of a `Flow`, computed on full-width masked rows (events, features)."""

    masks: torch.Tensor

    def __init__(self, flow: Flow, number: int) -> None:
        super().__init__()
        self.plan = flow.plan
        features = flow.config.features
        self.networks, masks = nn.ModuleList(), []
        for (kind, kept, changed), conditioner in zip(flow.plan, flow.conditioners):
            mask = (torch.arange(features) % 2 == kept).float()
            linears = []
            for weight, bias in zip(conditioner.weights, conditioner.biases):
                linears.append(nn.Linear(weight.shape[2], weight.shape[1]))
                linears[-1].weight.data, linears[-1].bias.data = weight[number].detach(), bias[number, :, 0].detach()
            self.networks.append(_full_width(linears, features, kept, changed, kind.parameters))
            masks.append(mask)
        self.register_buffer("masks", torch.stack(masks))

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return log q (events,) of events (events, features)."""
        log_jacobian = torch.zeros(len(x))
        for (kind, _, _), network, mask in zip(self.plan, self.networks, self.masks):
            y, slope = kind.forward(x, network(x * mask).chunk(kind.parameters, -1))
            x = mask * x + (1 - mask) * y
            log_jacobian = log_jacobian + ((1 - mask) * slope.abs().log()).sum(-1)
        return log_jacobian - 0.5 * (x**2).sum(-1) - 0.5 * np.log(2 * np.pi) * x.shape[-1]


def _full_width(linears: Sequence[nn.Linear], features: int, kept: int, changed: int, parameters: int) -> nn.Sequential:
    """Widen the first and the last layer of a network to all features, with zeros where the mask is."""
    first = nn.Linear(features, linears[0].out_features)
    first.weight.data.zero_()[:, kept::2] = linears[0].weight.data
    first.bias.data = linears[0].bias.data
    last = nn.Linear(linears[-1].in_features, parameters * features)
    rows = (torch.arange(parameters)[:, None] * features + torch.arange(changed, features, 2)).flatten()
    last.weight.data.zero_()[rows] = linears[-1].weight.data
    last.bias.data.zero_()[rows] = linears[-1].bias.data
    layers: list[nn.Module] = [first]
    for linear in (*linears[1:-1], last):
        layers += [nn.GELU(), linear]
    return nn.Sequential(*layers)


def realnvp(features: int) -> nn.Module:
    """nflows' flow of the same size: the initial layer, two residual blocks of two layers each, the final layer."""
    from nflows.flows.realnvp import SimpleRealNVP

    return SimpleRealNVP(
        features, hidden_features=64, num_layers=30, num_blocks_per_layer=2, activation=functional.gelu
    )


class Zuko(nn.Module):
    """zuko's flow of the same size."""

    def __init__(self, features: int) -> None:
        super().__init__()
        from zuko.flows import NICE

        self.flow = NICE(features, transforms=30, hidden_features=[64] * 5, activation=nn.GELU)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return log q (events,) of events (events, features)."""
        return self.flow().log_prob(x)


class Versions:
    """The flows of each category in all versions, and events for them.

    Arguments:
        events: of each category.
    """

    def __init__(self, events: int) -> None:
        rng = np.random.default_rng(0)
        self.flows = {n: Flow(FlowConfig(n), flows=FLOWS) for n in FEATURES}
        self.plain = {n: [PlainFlow(flow, k) for k in range(FLOWS)] for n, flow in self.flows.items()}
        self.libraries: dict[str, dict[int, nn.Module]] = {
            "nflows": {n: realnvp(n) for n in FEATURES},
            "zuko": {n: Zuko(n) for n in FEATURES},
        }
        self.x: dict[int, FloatArray] = {n: rng.normal(size=(events, n)).astype(np.float32) for n in FEATURES}
        self.events = events

    def differences(self) -> Table:
        """Largest difference of log q from that of the plain version."""
        rows = []
        for n in FEATURES:
            with torch.no_grad():
                slow = torch.stack([flow.log_prob(torch.as_tensor(self.x[n])) for flow in self.plain[n]], -1).numpy()
            for name, compiled in (("compiled", True), ("torch", False)):
                difference = np.abs(evaluate(self.flows[n], self.x[n], compiled=compiled) - slow).max()
                rows.append((name, str(n), f"{difference:.1e}"))
        return Table(("version", "features", "largest difference of log q from plain"), rows)

    def evaluation(self) -> dict[str, Call]:
        """log q of all events in both categories."""
        every, single = FLOWS * len(FEATURES) * self.events, len(FEATURES) * self.events
        return {
            "torch": (lambda: [evaluate(self.flows[n], self.x[n], compiled=False) for n in FEATURES], every),
            "compiled": (lambda: [evaluate(self.flows[n], self.x[n], compiled=True) for n in FEATURES], every),
            "plain": (lambda: [self._rows(flow, n) for n in FEATURES for flow in self.plain[n]], every),
            "nflows": (lambda: [self._rows(self.libraries["nflows"][n], n) for n in FEATURES], single),
            "zuko": (lambda: [self._rows(self.libraries["zuko"][n], n) for n in FEATURES], single),
        }

    def _rows(self, flow: Any, n: int) -> torch.Tensor:
        with torch.no_grad():
            return flow.log_prob(torch.as_tensor(self.x[n]))

    def training(self) -> dict[str, Call]:
        """A training step of the first category's flows."""
        n = FEATURES[0]
        sample = torch.as_tensor(self.x[n][:BATCH])
        flows: dict[str, tuple[Any, int]] = {"torch": (self.flows[n], FLOWS), "plain": (self.plain[n][0], 1)}
        flows |= {name: (versions[n], 1) for name, versions in self.libraries.items()}
        return {name: (_Step(flow, sample, name == "torch"), count * BATCH) for name, (flow, count) in flows.items()}


class _Step:
    """A training step of a flow on a batch, half signal and half background."""

    def __init__(self, flow: Any, x: torch.Tensor, fused: bool) -> None:
        self.flow, self.x = flow, x
        self.parameters: Iterable[torch.Tensor] = [p.requires_grad_() for p in flow.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, 1e-4, fused=fused)

    def __call__(self) -> None:
        signal, background = self.flow.log_prob(self.x).chunk(2, -1)
        loss = contrastive_loss(signal, background, torch.tensor(1.0), floor=-50.0).sum()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()


def measure(calls: Mapping[str, Call], rounds: int) -> dict[str, FloatArray]:
    """Time the versions in turn; return per version an array (rounds, 2): wall and CPU seconds per event and flow."""
    for call, _ in calls.values():
        call()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, count) in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            seconds[name].append(((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count))
    return {name: np.array(times) for name, times in seconds.items()}


def table(task: str, seconds: Mapping[str, FloatArray]) -> Table:
    """Rates, CPU times, and how many times as fast as torch alone each version is."""
    rows = []
    for name, times in seconds.items():
        wall, cpu = np.median(times, axis=0)
        faster = seconds["torch"][:, 1] / times[:, 1]
        rows.append((name, f"{1 / wall:.0f}", f"{1e6 * cpu:.1f}", spread(faster)))
    return Table((task, "events x flows / s", "CPU us each", "times as fast as torch alone (range)"), rows)


def main() -> None:
    """Print the tables."""
    program = "python -m benchmarks.flows"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --events 5000 --rounds 3"
    )
    parser.add_argument("--events", type=int, default=20_000, help="events per category (default: 20000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in turn (default: 5)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"threads: {arguments.threads}; events per category: {arguments.events}; kernel: {backend()}")
    versions = Versions(arguments.events)
    print(versions.differences().text())
    for task, calls in (("evaluation", versions.evaluation()), ("training step", versions.training())):
        print(f"\n{table(task, measure(calls, arguments.rounds)).text()}")


if __name__ == "__main__":
    main()
