"""Throughput of the flows beside a plain version, nflows and zuko: `python -m benchmarks.flows`.

All versions have the paper's size (30 coupling layers, 5 hidden layers of 64) and float32. The plain version is the
same function written as in most tutorials: masks instead of halves, one flow after the other, events as rows; it
shares its weights with the fast ones (the compiled kernel, and torch alone), and the largest difference between their
log q is printed. nflows' SimpleRealNVP and zuko's NICE have affine layers and another initialisation: same size, not
the same function. All take turns within one run, so that other load on the machine hits all alike; the figures are
medians over the rounds, of the wall clock and, less sensitive to other load, of the CPU time. Both libraries come from
benchmarks/requirements.txt.
"""

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from submission.flows import Flow, FlowConfig, evaluate
from submission.flows_compiled import backend
from training.flows import contrastive_loss

FEATURES = (27, 20)  # of the two event categories, with 4 flows each


class PlainFlow(nn.Module):
    """One flow of a `Flow`, computed on full-width masked rows (events, features)."""

    def __init__(self, flow, number):
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

    def log_prob(self, x):
        """Return log q (events,) of events (events, features)."""
        log_jacobian = 0.0
        for (kind, _, _), network, mask in zip(self.plan, self.networks, self.masks):
            y, slope = kind.forward(x, network(x * mask).chunk(kind.parameters, -1))
            x = mask * x + (1 - mask) * y
            log_jacobian = log_jacobian + ((1 - mask) * slope.abs().log()).sum(-1)
        return log_jacobian - 0.5 * (x**2).sum(-1) - 0.5 * np.log(2 * np.pi) * x.shape[-1]


def _full_width(linears, features, kept, changed, parameters):
    """Widen the first and the last layer of a network to all features, with zeros where the mask is."""
    first = nn.Linear(features, linears[0].out_features)
    first.weight.data.zero_()[:, kept::2] = linears[0].weight.data
    first.bias.data = linears[0].bias.data
    last = nn.Linear(linears[-1].in_features, parameters * features)
    rows = (torch.arange(parameters)[:, None] * features + torch.arange(changed, features, 2)).flatten()
    last.weight.data.zero_()[rows] = linears[-1].weight.data
    last.bias.data.zero_()[rows] = linears[-1].bias.data
    layers = [first]
    for linear in (*linears[1:-1], last):
        layers += [nn.GELU(), linear]
    return nn.Sequential(*layers)


def realnvp(features):
    """nflows' flow of the same size: the initial layer, two residual blocks of two layers each, the final layer."""
    from nflows.flows.realnvp import SimpleRealNVP

    return SimpleRealNVP(
        features, hidden_features=64, num_layers=30, num_blocks_per_layer=2, activation=functional.gelu
    )


class Zuko(nn.Module):
    """zuko's flow of the same size."""

    def __init__(self, features):
        super().__init__()
        from zuko.flows import NICE

        self.flow = NICE(features, transforms=30, hidden_features=[64] * 5, activation=nn.GELU)

    def log_prob(self, x):
        """Return log q (events,) of events (events, features)."""
        return self.flow().log_prob(x)


def _name(compiled):
    return "compiled" if compiled else "torch"


def step(log_prob, parameters, optimizer, x):
    """One training step of a flow on a batch, half signal and half background."""
    log_q = log_prob(x)
    loss = contrastive_loss(*log_q.chunk(2, -1), torch.tensor(1.0), floor=-50.0).sum()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 5.0)
    optimizer.step()


def versions(events):
    """Return what is timed: per task and version a function and the events x flows that one call treats."""
    rng = np.random.default_rng(0)
    evaluation, training, batch = {}, {}, 1000
    flows = {n: Flow(FlowConfig(n), flows=4) for n in FEATURES}
    plain = {n: [PlainFlow(flow, k) for k in range(4)] for n, flow in flows.items()}
    others = {"nflows": {n: realnvp(n) for n in FEATURES}, "zuko": {n: Zuko(n) for n in FEATURES}}
    x = {n: rng.normal(size=(events, n)).astype(np.float32) for n in FEATURES}
    for n in FEATURES:
        with torch.no_grad():
            slow = torch.stack([flow.log_prob(torch.as_tensor(x[n])) for flow in plain[n]], -1).numpy()
        for compiled in (True, False):
            difference = np.abs(evaluate(flows[n], x[n], compiled=compiled) - slow).max()
            print(
                f"{n} features, {_name(compiled)}: log q differs from the plain version's by at most {difference:.1e}"
            )

    def rows(flow, n):
        with torch.no_grad():
            return flow.log_prob(torch.as_tensor(x[n]))

    evaluation["plain"] = lambda: [rows(flow, n) for n in FEATURES for flow in plain[n]], 8 * events
    for compiled in (True, False):
        call = lambda c=compiled: [evaluate(flows[n], x[n], compiled=c) for n in FEATURES]  # noqa: E731
        evaluation[_name(compiled)] = call, 8 * events
    for name, flow in others.items():
        evaluation[name] = lambda f=flow: [rows(f[n], n) for n in FEATURES], 2 * events

    n = FEATURES[0]
    sample = torch.as_tensor(x[n][:batch])
    for name, models, log_prob, count in (
        ("plain", plain[n][:1], plain[n][0].log_prob, 1),
        ("torch", [flows[n]], flows[n].log_prob, 4),
        *((name, [flow[n]], flow[n].log_prob, 1) for name, flow in others.items()),
    ):
        parameters = [p.requires_grad_() for model in models for p in model.parameters()]
        optimizer = torch.optim.Adam(parameters, 1e-4, fused=name == "torch")
        call = lambda f=log_prob, p=parameters, o=optimizer: step(f, p, o, sample)  # noqa: E731
        training[name] = call, count * batch
    return {"evaluation": evaluation, "training step": training}


def measure(calls, rounds):
    """Time the versions in turn; return per version an array (rounds, 2): wall and CPU seconds per event and flow."""
    for call, _ in calls.values():
        call()
    seconds = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, count) in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            seconds[name].append(((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count))
    return {name: np.array(times) for name, times in seconds.items()}


def main():
    """Print the table."""
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
    print(f"torch {torch.__version__}, {arguments.threads} threads, {arguments.events} events per category")
    print(f"compiled kernel: {backend()}")
    for task, calls in versions(arguments.events).items():
        seconds = measure(calls, arguments.rounds)
        for name, times in seconds.items():
            (wall, cpu), (least, _), (most, _) = (
                f(seconds["plain"] / times, axis=0) for f in (np.median, np.min, np.max)
            )
            rate = (
                f"{1 / np.median(times[:, 0]):8.0f} events x flows / s, {wall:5.2f} ({least:.2f} to {most:.2f}) x plain"
            )
            print(f"{task:<14} {name:<8} {rate}; {1e6 * np.median(times[:, 1]):6.1f} us of CPU, {cpu:5.2f} x plain")


if __name__ == "__main__":
    main()
