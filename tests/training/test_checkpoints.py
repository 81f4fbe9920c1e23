"""What long computations keep in files: finished pieces, states of trainings, and files that cannot be."""

import dataclasses
import errno
import os

import numpy as np
import pytest
import torch

from runtime.errors import ChallengeError
from submission.arrays import FloatArray
from submission.codec import decode, encode
from training.checkpoints import (
    OptimizerState,
    checkpointed,
    load_checkpoint,
    load_optimizer_state,
    optimizer_state,
    save_checkpoint,
)


@dataclasses.dataclass(frozen=True)
class Piece:
    values: FloatArray


def piece():
    return Piece(np.array([1.0, np.nan, -0.0]))


def test_a_piece_is_computed_once(tmp_path):
    path = tmp_path / "folder" / "piece.npz"
    assert checkpointed(path, "seed 1", Piece, piece).values.tobytes() == piece().values.tobytes()
    again = checkpointed(path, "seed 1", Piece, lambda: pytest.fail("computed again"))
    assert again.values.tobytes() == piece().values.tobytes()


def test_without_a_path_nothing_is_kept(tmp_path):
    checkpointed(None, "seed 1", Piece, piece)
    assert not list(tmp_path.iterdir())


def test_a_piece_about_something_else_is_refused(tmp_path):
    path = tmp_path / "piece.npz"
    checkpointed(path, "seed 1", Piece, piece)
    with pytest.raises(ChallengeError, match=rf"{path}: it is about seed 1, not seed 2; remove it or use another"):
        checkpointed(path, "seed 2", Piece, piece)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    save_checkpoint(path, piece(), {"strengths": (0.2, 1.0)})
    assert load_checkpoint(path, Piece, {"strengths": [0.2, 1.0]}).values[0] == 1
    with pytest.raises(ChallengeError, match=rf"{path} is a checkpoint of other settings: remove it or give another"):
        load_checkpoint(path, Piece, {"strengths": [0.2]})


@pytest.mark.parametrize("spoil", ["cut", "empty", "folder", "other"])
def test_a_file_that_cannot_be_is_named_and_to_be_removed(spoil, tmp_path):
    path = tmp_path / "piece.npz"
    checkpointed(path, "seed 1", Piece, piece)
    content = path.read_bytes()
    path.unlink()
    if spoil == "folder":
        path.mkdir()
    elif spoil == "other":
        np.savez(path, values=np.zeros(3))
    else:
        path.write_bytes(content[: len(content) // 2] if spoil == "cut" else b"")
    for load in (
        lambda: checkpointed(path, "seed 1", Piece, piece),
        lambda: load_checkpoint(path, Piece, "seed 1"),
    ):
        with pytest.raises(ChallengeError, match=rf"{path} cannot be read \(it (is|has) .*remove it"):
            load()


def test_on_a_full_disk_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    save_checkpoint(path, piece(), 1)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ChallengeError, match=r"could not be written .*No space left.* is kept"):
        save_checkpoint(path, piece(), 2)
    with pytest.raises(ChallengeError, match=r"could not be written .*make room"):
        checkpointed(tmp_path / "piece.npz", "", Piece, piece)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_an_optimizer_goes_on_as_if_it_had_not_been_stopped(kind):
    def steps(weights, optimizer, number):
        for step in range(number):
            weights.grad = torch.cos(weights.detach() * (step + 1))
            optimizer.step()

    whole, stopped = (torch.nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2))
    settings = {"lr": 0.1} | ({"momentum": 0.9} if kind is torch.optim.SGD else {})
    first, second, third = (kind([weights], **settings) for weights in (whole, stopped, stopped))
    steps(whole, first, 3)
    steps(whole, first, 3)
    steps(stopped, second, 3)
    load_optimizer_state(third, decode(OptimizerState, encode(optimizer_state(second))))
    steps(stopped, third, 3)
    assert torch.equal(whole, stopped)
