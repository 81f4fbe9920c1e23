"""The gate's networks: one for each category, shifted each for itself."""

import pytest
import torch

from submission.gate import Gate


def test_a_shift_moves_the_outputs_of_its_category_alone():
    gate = Gate((3, 5), width=8)
    inputs = [torch.randn(6, size, generator=torch.Generator().manual_seed(0)) for size in (3, 5)]
    before = [gate(x, category) for category, x in enumerate(inputs)]
    gate.shift(1, -0.25)
    torch.testing.assert_close(gate(inputs[0], 0), before[0], rtol=0, atol=0)
    torch.testing.assert_close(gate(inputs[1], 1), before[1] - 0.25)


def test_initial_weights_come_from_the_seed_and_leave_other_draws_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (Gate((3, 5), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    x = torch.ones(2, 3)
    assert torch.equal(first(x, 0), again(x, 0))
    assert not torch.equal(first(x, 0), other(x, 0))


def test_every_category_needs_its_inputs():
    with pytest.raises(ValueError, match="2 numbers of inputs are needed, not 1"):
        Gate((3,))
