"""Training of the flows: the loss's minimum, exact resume, collapse, and what is said to bad input."""

import dataclasses
import errno
import os

import numpy as np
import pytest
import torch

from runtime.errors import ChallengeError
from submission.flows import FlowConfig, evaluate
from training import flows as training
from training.flows import Collapse, TrainingConfig, contrastive_loss, train

SHAPE = FlowConfig(2, layers=4, depth=1, width=16)
CONFIG = TrainingConfig(("S", "B"), (1.0, 0.5), batch=100, epochs=4, learning_rate=5e-3, depth=8.0, seed=3)


def classes(events=1000, distance=1.0):
    rng = np.random.default_rng(0)
    signal, background = rng.normal(size=(2, events, 2))
    return signal + [distance, 0], background - [distance, 0]


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_minimum_of_the_loss_is_the_analytic_density(strength):
    signal = torch.tensor([0.4, 0.3, 0.2, 0.08, 0.02], dtype=torch.float64)  # two classes on five points
    background = signal.flip(0)
    floor = -12.0
    logits = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.1)
    counts = 1000  # events per unit of probability: the expectation as a mean over a list of points
    s, b = (torch.repeat_interleave(torch.arange(5), (counts * p).round().long()) for p in (signal, background))
    for step in range(3000):
        optimizer.param_groups[0]["lr"] = 0.1 * 0.998**step
        log_q = torch.log_softmax(logits, 0)
        loss = contrastive_loss(log_q[s][None], log_q[b][None], torch.tensor([strength]), floor)
        optimizer.zero_grad()
        loss.sum().backward()
        optimizer.step()
    expected = (signal - strength * background).clamp(min=0)
    torch.testing.assert_close(log_q.exp().detach(), expected / expected.sum(), rtol=0, atol=2e-3)


def test_the_floor_follows_the_number_of_features():
    assert dataclasses.replace(CONFIG, depth=11.7).floor(27) == pytest.approx(-50, abs=0.1)


def test_training_learns_and_records():
    signal, background = classes()
    trained = train(signal, background, SHAPE, dataclasses.replace(CONFIG, epochs=15))
    assert [record["epoch"] for record in trained.history] == list(range(1, 16))
    assert trained.history[-1]["validation"][0] < trained.history[0]["validation"][0] - 0.5
    assert trained.loss == trained.history[-1]["validation"]  # nothing overfitted: the last weights
    log_q_s, log_q_b = evaluate(trained.flow, signal), evaluate(trained.flow, background)
    assert np.median(log_q_s[:, 0]) > np.median(log_q_b[:, 0]) + 3  # models S against B
    assert np.median(log_q_b[:, 1]) > np.median(log_q_s[:, 1]) + 3  # models B against S


def test_resumed_training_is_the_same_to_the_bit(tmp_path, monkeypatch):
    data = classes()
    whole = train(*data, SHAPE, CONFIG, checkpoint=tmp_path / "whole.npz")
    save, saved = training.save_checkpoint, []

    def interrupted(path, state, about):
        save(path, state, about)
        saved.append(path)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(*data, SHAPE, CONFIG, checkpoint=tmp_path / "parts.npz")
    resumed = train(*data, SHAPE, CONFIG, checkpoint=tmp_path / "parts.npz")
    assert len(saved) == CONFIG.epochs  # the second part did not start again
    assert resumed.history == whole.history
    for one, other in zip(whole.flow.parameters(), resumed.flow.parameters()):
        assert torch.equal(one, other)
    # The optimizer's memory is the same, too.
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "parts.npz").read_bytes()


def test_another_seed_gives_another_flow():
    data = classes(200)
    losses = [train(*data, SHAPE, dataclasses.replace(CONFIG, epochs=1, seed=seed)).loss for seed in (3, 3, 4)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_training_stops_early():
    signal, background = classes(60)
    config = TrainingConfig(("S",), (0.0,), batch=48, epochs=400, learning_rate=2e-2, patience=5)
    trained = train(signal, background, SHAPE, config)
    losses = [record["validation"][0] for record in trained.history]
    assert len(losses) < 400
    assert np.argmin(losses) == len(losses) - 1 - config.patience


def test_an_overfitted_flow_gets_the_weights_of_its_best_epoch_and_another_its_last():
    signal, background = np.tile(classes(60), (2, 1, 1, 1)).swapaxes(0, 1)
    signal[1] = np.random.default_rng(1).normal(size=(60, 2)) * 0.01  # the second flow goes on learning the width
    config = TrainingConfig(("S", "S"), (0.0, 0.0), batch=48, epochs=150, learning_rate=1e-2, patience=150)
    trained = train(signal, background, dataclasses.replace(SHAPE, layers=6, width=64), config)
    losses = np.array([record["validation"] for record in trained.history])
    assert losses[-1, 0] > losses[:, 0].min() + 1
    assert losses[-1, 1] < losses[:, 1].min() + 0.1
    held_out = torch.as_tensor(signal[:, 48:], dtype=torch.float32)
    reached = -trained.flow.log_prob(held_out).mean(1).numpy()
    assert reached == pytest.approx([losses[:, 0].min(), losses[-1, 1]], abs=1e-3)
    assert reached == pytest.approx(trained.loss, abs=1e-3)


def test_collapse_is_detected_and_named():
    signal, _ = classes()
    config = dataclasses.replace(CONFIG, models=("B", "S"), strengths=(0.5, 5.0), epochs=60, learning_rate=1e-2)
    with pytest.raises(Collapse, match=r"flow 1 \(models S, c = 5\) has collapsed: .* smaller c"):
        train(signal, signal[::-1].copy(), SHAPE, config)


def test_a_loss_that_is_no_number_is_named():
    signal, background = classes(200)
    with pytest.raises(ChallengeError, match=r"flow 0 \(models S, c = 1\): the loss is no longer a number"):
        train(1e30 * signal, background, SHAPE, CONFIG)


def test_validation_events_of_their_own_leave_all_others_to_the_training():
    signal, background = classes(400)
    checked = signal[:50], background[:50]
    config = dataclasses.replace(CONFIG, epochs=1, models=("S", "S"))
    trained = train(signal, background, SHAPE, config, validation=checked)
    log_q = [trained.flow.log_prob(torch.as_tensor(x, dtype=torch.float32)) for x in checked]
    loss = contrastive_loss(*log_q, torch.tensor(config.strengths), config.floor(2))
    assert trained.loss == pytest.approx(loss.tolist(), abs=1e-4)
    seen = train(signal, background, SHAPE, config).history[0]["train"]
    assert trained.history[0]["train"] != seen


def test_bad_events_are_refused():
    signal, background = classes(100)
    with pytest.raises(ChallengeError, match=r"signal events have the shape \(100, 3\); the flow reads 2 features"):
        train(np.zeros((100, 3)), background, SHAPE, CONFIG)
    holed = background.copy()
    holed[[3, 5], 0] = np.nan, np.inf
    with pytest.raises(ChallengeError, match="2 background events hold NaN or infinity"):
        train(signal, holed, SHAPE, CONFIG)
    with pytest.raises(ChallengeError, match="0 signal and 100 background events: as many"):
        train(signal[:0], background, SHAPE, CONFIG)
    with pytest.raises(ChallengeError, match="0 signal and 0 background events"):
        train(signal[:0], background[:0], SHAPE, CONFIG)


@pytest.mark.parametrize(
    "wrong", [{"models": ("S",)}, {"models": ("S", "X")}, {"strengths": (1.0, -1.0)}, {"validation": 1.0}, {"batch": 0}]
)
def test_bad_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match=r"needed|one of S, B"):
        dataclasses.replace(CONFIG, **wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_asked_for_and_absent():
    with pytest.raises(ChallengeError, match="CUDA was asked for"):
        train(*classes(100), SHAPE, CONFIG, device="cuda")


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "flow.npz"
    train(*classes(200), SHAPE, dataclasses.replace(CONFIG, epochs=1), checkpoint=path)
    return path


def test_truncated_checkpoint_is_refused(checkpoint):
    content = checkpoint.read_bytes()
    for kept in (0, 100, len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:kept])
        with pytest.raises(ChallengeError, match=r"flow\.npz cannot be read .*remove it"):
            train(*classes(200), SHAPE, dataclasses.replace(CONFIG, epochs=1), checkpoint=checkpoint)


def test_checkpoint_of_other_settings_is_refused(checkpoint):
    data = classes(200)
    for shape, config in (
        (SHAPE, CONFIG),
        (dataclasses.replace(SHAPE, width=8), dataclasses.replace(CONFIG, epochs=1)),
    ):
        with pytest.raises(ChallengeError, match="is a checkpoint of other settings"):
            train(*data, shape, config, checkpoint=checkpoint)


def test_full_disk_leaves_the_old_checkpoint(checkpoint, monkeypatch):
    before = checkpoint.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ChallengeError, match=r"could not be written .*No space left.* is kept"):
        training.save_checkpoint(checkpoint, SHAPE, None)
    assert checkpoint.read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]
