"""Training of contrastive normalizing flows: loss, loop, checkpoint.

References:
    I. Elsharkawy and Y. Kahn, arXiv:2505.08709, sec. 4 and app. A.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from runtime.errors import ChallengeError
from submission.arrays import ArrayLike, FloatArray
from submission.category_network import arrays_of, load_arrays
from submission.flows import Flow, FlowConfig

from .checkpoints import (
    OptimizerState,
    load_checkpoint,
    load_optimizer_state,
    optimizer_state,
    save_checkpoint,
)
from .devices import usable_device
from .fields import Count, NotNegative, Positive, Seed, Share

NORMAL_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)  # of one standard normal feature
COLLAPSED = 0.99  # share of the modelled class rejected, in so many epochs in succession, that is called a collapse
COLLAPSE_EPOCHS = 3


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How flows are trained: one entry of `models` and `strengths` per flow, all else common to them.

    Arguments:
        models: class that each flow models against the other one, "S" or "B".
        strengths: contrastive strength c of each flow (eq. 5); 0 gives an ordinary flow.
        batch: events of each class in a step.
        epochs: at most so many passes over the training events; the learning rate falls to 0 along a cosine.
        learning_rate: of Adam, at the start.
        patience: epochs without a better validation loss in any flow after which training ends.
        validation: share of the events kept for validation (the last ones: pass them in random order), or of validation
            events among all where they are passed by themselves.
        depth: how far below the mean log-density of a standard normal the penalised class is still pushed (`floor`).
        clip: bound of the norm of each flow's gradient.
        seed: of the initial weights and of the order of the events.

    Raises:
        ValueError: a value is out of its range.
    """

    models: tuple[str, ...]
    strengths: tuple[NotNegative, ...]
    batch: Count = 1000
    epochs: Count = 100
    learning_rate: Positive = 1e-3
    patience: Count = 10
    validation: Share = 0.2
    depth: NotNegative = 10.0
    clip: Positive = 5.0
    seed: Seed = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", tuple(self.models))
        object.__setattr__(self, "strengths", tuple(self.strengths))
        if len(self.models) != len(self.strengths) or not set(self.models) <= {"S", "B"} or not self.models:
            raise ValueError(f"one of S, B and one strength per flow, not {self.models} and {self.strengths}")
        if min(self.strengths) < 0 or not 0 < self.validation < 1 or min(self.batch, self.epochs) < 1:
            raise ValueError(f"strengths >= 0, 0 < validation < 1, batch and epochs >= 1 are needed: {self}")

    def floor(self, features: int) -> float:
        """Lower clamp of log q on the penalised class: -50 as in the authors' code, for 27 features and depth 11.7."""
        return -NORMAL_ENTROPY * features - self.depth

    def boundary(self, features: int) -> float:
        """log q below which an event counts as rejected: the floor and one unit, where the flow's density ends."""
        return self.floor(features) + 1


@dataclasses.dataclass
class Trained:
    """Outcome of a training.

    Attributes:
        flow: the `Flow`. Each of its flows has the weights of the last epoch, when the learning rate has come down, or
            of its best epoch where the last one's validation loss is worse by more than its standard error: that loss
            is noisy (a few events far beyond the boundary carry much of it), its minimum alone often a matter of luck.
        loss: validation loss of each flow with these weights.
        history: per epoch a record: epoch, train and validation loss of each flow, and the share of the modelled class
            that each rejects (log q below `TrainingConfig.boundary`).
    """

    flow: Flow
    loss: list[float]
    history: list[dict[str, Any]]


class TrainingFailed(ChallengeError):
    """A training that went wrong by itself, and would again with the same configuration and events."""


class Collapse(TrainingFailed):
    """A flow rejects all events of the class that it should model."""


def contrastive_loss(
    log_q_modelled: torch.Tensor, log_q_penalised: torch.Tensor, strengths: torch.Tensor, floor: float
) -> torch.Tensor:
    """Return the contrastive loss of each flow (eq. 5), bounded event by event.

        L_c = -mean log q(modelled) + c mean max(log q(penalised), floor)

    Without a bound L_c has no minimum: where P_S < c P_B it falls for ever as log q does. With this one the minimum
    is the analytic q_c of eq. 10, (P_S - c P_B) / Z_c, where that exceeds exp(floor), and exp(floor) elsewhere: below
    the floor only the first term acts, and it lifts q back. (The bound of app. A, on the loss as a whole, stops all
    learning once it is reached, wherever that is.)

    Arguments:
        log_q_modelled, log_q_penalised: (flows, events of the class).
        strengths: c, (flows,).
        floor: lowest log q for which the penalised class is still rewarded.

    Example:
        >>> modelled, penalised = torch.tensor([[-1.0, -3.0]]), torch.tensor([[-2.0, -100.0]])
        >>> contrastive_loss(modelled, penalised, torch.tensor([0.5]), floor=-10.0)
        tensor([-1.])
    """
    return -log_q_modelled.mean(-1) + strengths * log_q_penalised.clamp(min=floor).mean(-1)


def train(
    signal: ArrayLike | torch.Tensor,
    background: ArrayLike | torch.Tensor,
    flow_config: FlowConfig,
    config: TrainingConfig,
    device: str = "cpu",
    checkpoint: str | Path | None = None,
    validation: Sequence[ArrayLike | torch.Tensor] | None = None,
) -> Trained:
    """Train flows side by side on events of two classes.

    Arguments:
        signal, background: (events, features), or (flows, events, features) for each flow its own; float, random order.
        flow_config: `submission.flows.FlowConfig`.
        config: `TrainingConfig`.
        device: "cpu" or "cuda".
        checkpoint: file that is rewritten after every epoch and resumed from where it exists; the outcome is the same
            to the bit (CPU, same number of threads) as without the interruption.
        validation: pair of signal and background for validation; None to keep a share of the events for it, as is right
            where each of them is an event by itself.

    Returns:
        `Trained`.

    Raises:
        ChallengeError: the events are not as the flow needs them, CUDA is absent, or the checkpoint is unusable.
        Collapse: a flow rejects all events of the class that it should model.
    """
    place = usable_device(device)
    train_x = _pair(signal, background, flow_config.features, place)
    if validation is None:
        train_x, valid_x = _split(train_x, config.validation)
    else:
        valid_x = _pair(validation[0], validation[1], flow_config.features, place)
    run = _Run(flow_config, config, place)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run.load_state(load_checkpoint(path, _RunState, run.settings))

    with tqdm(initial=run.epoch, total=config.epochs, desc="flows", unit="epoch", disable=None) as bar:
        while run.epoch < config.epochs and run.epoch - run.best_epoch < config.patience:
            record = run.run_epoch(train_x, valid_x)
            if path is not None:
                save_checkpoint(path, run.state(), run.settings)
            bar.update()
            bar.set_postfix(validation=f"{sum(record['validation']) / len(record['validation']):.3f}")
            _refuse_collapse(run.history, config)
    return run.outcome(valid_x)


@dataclasses.dataclass(frozen=True)
class _RunState:
    """What a resumed training needs; losses of the flows, and weights by their names, as arrays."""

    weights: dict[str, FloatArray]
    optimizer: OptimizerState
    epoch: int
    best_epoch: int
    best_loss: FloatArray
    best_weights: list[FloatArray]
    history: list[dict[str, Any]]


class _Run:
    """A training that goes on: flow, optimizer, epoch, best weights, history."""

    def __init__(self, flow_config: FlowConfig, config: TrainingConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.flow = Flow(flow_config, len(config.models), config.seed).to(device)
        self.optimizer = torch.optim.Adam(self.flow.parameters(), config.learning_rate, fused=True)
        self.strengths = torch.tensor(config.strengths, dtype=torch.float32, device=device)
        self.models_signal = torch.tensor([m == "S" for m in config.models], device=device)[:, None]
        self.floor, self.boundary = config.floor(flow_config.features), config.boundary(flow_config.features)
        self.epoch, self.best_epoch = 0, 0
        self.history: list[dict[str, Any]] = []
        self.best_loss = torch.full((len(config.models),), math.inf, device=device)
        self.best_weights = [p.detach().clone() for p in self.flow.parameters()]

    def run_epoch(self, train_x: Sequence[torch.Tensor], valid_x: Sequence[torch.Tensor]) -> dict[str, Any]:
        """Train on all batches, validate, keep the weights of the flows that improved; return the epoch's record."""
        events = train_x[0].shape[-2]
        batch = min(self.config.batch, events)
        steps = events // batch
        shuffle = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.epoch)
        order = torch.randperm(events, generator=shuffle).to(self.device)
        total = torch.zeros_like(self.best_loss)
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            progress = (self.epoch + step / steps) / self.config.epochs
            self.optimizer.param_groups[0]["lr"] = 0.5 * self.config.learning_rate * (1 + math.cos(math.pi * progress))
            log_q = self.log_q(*(x[..., rows, :] for x in train_x))
            loss = contrastive_loss(*log_q, self.strengths, self.floor)
            self.optimizer.zero_grad()
            loss.sum().backward()
            _clip_gradients(self.flow, self.config.clip)
            self.optimizer.step()
            total = total + loss.detach()

        validation, _, rejected = self.validate(valid_x)
        self.epoch += 1
        self._keep_best(validation)
        record = {
            "epoch": self.epoch,
            "train": (total / steps).tolist(),
            "validation": validation.tolist(),
            "rejected": rejected.tolist(),
        }
        self.history.append(record)
        return record

    def log_q(self, signal: torch.Tensor, background: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log q, each (flows, events), of the class that each flow models and of the other."""
        log_q_s, log_q_b = self.flow.log_prob(torch.cat([signal, background], -2)).chunk(2, -1)
        modelled = torch.where(self.models_signal, log_q_s, log_q_b)
        return modelled, torch.where(self.models_signal, log_q_b, log_q_s)

    @torch.no_grad()
    def validate(self, valid_x: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return per flow the validation loss, its standard error, and the share of the modelled class rejected."""
        chunks = zip(*(x.split(4 * self.config.batch, -2) for x in valid_x))
        modelled, penalised = (torch.cat(log_q, 1) for log_q in zip(*(self.log_q(*chunk) for chunk in chunks)))
        loss = contrastive_loss(modelled, penalised, self.strengths, self.floor)
        variance = modelled.var(1) + self.strengths**2 * penalised.clamp(min=self.floor).var(1)
        return loss, (variance / modelled.shape[1]).sqrt(), (modelled < self.boundary).float().mean(1)

    def _keep_best(self, loss: torch.Tensor) -> None:
        better = loss < self.best_loss
        if better.any():
            self.best_epoch = self.epoch
        self.best_loss = torch.where(better, loss, self.best_loss)
        for best, weight in zip(self.best_weights, self.flow.parameters()):
            best[better] = weight.detach()[better]

    @property
    def settings(self) -> dict[str, Any]:
        """What a checkpoint must agree in."""
        return {"training": dataclasses.asdict(self.config), "flow": dataclasses.asdict(self.flow.config)}

    def state(self) -> _RunState:
        """Return all that a resumed run needs."""
        return _RunState(
            arrays_of(self.flow),
            optimizer_state(self.optimizer),
            self.epoch,
            self.best_epoch,
            self.best_loss.cpu().numpy(),
            [weight.cpu().numpy() for weight in self.best_weights],
            self.history,
        )

    def load_state(self, state: _RunState) -> None:
        """Go on from `state`."""
        load_arrays(self.flow, state.weights)
        load_optimizer_state(self.optimizer, state.optimizer)
        self.epoch, self.best_epoch, self.history = state.epoch, state.best_epoch, state.history
        self.best_loss = torch.as_tensor(state.best_loss).to(self.device)
        self.best_weights = [torch.as_tensor(weight).to(self.device) for weight in state.best_weights]

    def outcome(self, valid_x: Sequence[torch.Tensor]) -> Trained:
        """Return the `Trained` flows, choosing between the last and the best epoch's weights."""
        loss, error, _ = self.validate(valid_x)
        overfitted = loss > self.best_loss + error
        with torch.no_grad():
            for weight, best in zip(self.flow.parameters(), self.best_weights):
                weight[overfitted] = best[overfitted]
        loss = torch.where(overfitted, self.best_loss, loss)
        return Trained(self.flow.requires_grad_(False), loss.tolist(), self.history)


def _clip_gradients(flow: Flow, bound: float) -> None:
    """Scale the gradient of each flow down to the norm `bound`: one flow's trouble leaves the others alone."""
    gradients = [p.grad for p in flow.parameters() if p.grad is not None]
    norm = sum(((g**2).sum((1, 2)) for g in gradients), start=torch.zeros(())).sqrt()
    factor = (bound / norm.clamp(min=1e-12)).clamp(max=1.0)[:, None, None]
    for gradient in gradients:
        gradient.mul_(factor)


def _refuse_collapse(history: list[dict[str, Any]], config: TrainingConfig) -> None:
    """Raise if a loss is no number, or if a flow has rejected all that it should model in each of the last epochs."""
    for flow, (model, strength) in enumerate(zip(config.models, config.strengths)):
        name = f"flow {flow} (models {model}, c = {strength:g})"
        if not math.isfinite(history[-1]["validation"][flow]):
            raise TrainingFailed(f"{name}: the loss is no longer a number; a lower learning rate may help")
        rejected = [record["rejected"][flow] for record in history[-COLLAPSE_EPOCHS:]]
        if len(rejected) == COLLAPSE_EPOCHS and min(rejected) > COLLAPSED:
            raise Collapse(
                f"{name} has collapsed: it rejects {rejected[-1]:.1%} of the class that it models. Where no region has "
                "a likelihood ratio above c that is the right answer: take a smaller c; else a lower learning rate"
            )


def _pair(
    signal: ArrayLike | torch.Tensor, background: ArrayLike | torch.Tensor, features: int, device: torch.device
) -> list[torch.Tensor]:
    """Return the events as the pair (signal, background) of tensors on the device."""
    pair = []
    for name, events in (("signal", signal), ("background", background)):
        x = torch.as_tensor(events, dtype=torch.float32)
        if x.dim() not in (2, 3) or x.shape[-1] != features:
            raise ChallengeError(
                f"the {name} events have the shape {tuple(x.shape)}; the flow reads {features} features"
            )
        bad = int((~torch.isfinite(x).all(-1)).sum())
        if bad:
            raise ChallengeError(f"{bad} {name} events hold NaN or infinity: remove them or fill them first")
        pair.append(x.to(device))
    sizes = [x.shape[-2] for x in pair]
    if sizes[0] != sizes[1] or not sizes[0]:
        raise ChallengeError(
            f"{sizes[0]} signal and {sizes[1]} background events: as many of the one as of the other are needed"
        )
    return pair


def _split(pair: Sequence[torch.Tensor], share: float) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return the training and the validation events, the last ones, each as the pair (signal, background)."""
    size = pair[0].shape[-2]
    first = math.ceil(size * (1 - share))
    if not 0 < first < size:
        raise ChallengeError(f"of {size} events of a class none is left when the share {share:g} validates: use more")
    return [x[..., :first, :] for x in pair], [x[..., first:, :] for x in pair]
