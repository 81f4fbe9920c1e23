"""Devices: those that are there, and one of several GPUs for each task."""

import pytest
import torch

from runtime.errors import ChallengeError
from training.devices import own_gpu, usable_device


def test_a_device_is_usable_if_the_machine_has_it(monkeypatch):
    assert usable_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert usable_device("cuda").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ChallengeError, match="torch sees no CUDA device here: take the device cpu"):
        usable_device("cuda")


def test_tasks_take_several_gpus_in_turn(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [own_gpu("cuda", number) for number in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert own_gpu("cpu", 1) == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert own_gpu("cuda", 1) == "cuda"
