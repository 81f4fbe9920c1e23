"""The classifier's network: a branch and a head for each category, a trunk in common."""

import pytest
import torch

from submission.classifier import Classifier


@pytest.fixture
def classifier():
    return Classifier((3, 5), width=8, depth=2, seed=1).eval()


def _gradients(classifier, category):
    """Which parts have a gradient when the events of one category are scored."""
    classifier(torch.ones(4, (3, 5)[category]), category).sum().backward()
    parts = {
        "trunk": classifier.trunk,
        **{f"branch {number}": branch for number, branch in enumerate(classifier.branches)},
        **{f"head {number}": head for number, head in enumerate(classifier.heads)},
    }
    return {name for name, part in parts.items() if any(weight.grad is not None for weight in part.parameters())}


@pytest.mark.parametrize("category", [0, 1])
def test_the_trunk_alone_is_shared(classifier, category):
    assert _gradients(classifier, category) == {"trunk", f"branch {category}", f"head {category}"}


def test_the_trunk_has_the_depth_and_ends_twice_as_wide(classifier):
    widths = [layer.out_features for layer in classifier.trunk if isinstance(layer, torch.nn.Linear)]
    assert widths == [8, 16]
    default = Classifier((20, 27))
    widths = [layer.out_features for layer in default.trunk if isinstance(layer, torch.nn.Linear)]
    assert widths == [128] * 5 + [256]


def test_initial_weights_come_from_the_seed_and_leave_other_draws_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (Classifier((3, 5), width=8, depth=2, seed=seed).eval() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    x = torch.ones(2, 3)
    assert torch.equal(first(x, 0), again(x, 0))
    assert not torch.equal(first(x, 0), other(x, 0))
