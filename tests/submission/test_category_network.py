"""Networks with inputs of their own for each category: outputs in chunks, and the file that makes them again."""

import dataclasses

import numpy as np
import pytest
import torch

from submission import category_network
from submission.category_network import CategoryModel, arrays_of, load_arrays
from submission.classifier import Classifier
from submission.codec import decode, encode
from submission.gate import Gate

NETWORKS = [Classifier((3, 4), width=8, depth=2, seed=1).eval(), Gate((3, 4), width=8, seed=1).eval()]


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(size=(25, 4)).astype(np.float32)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
class TestEveryNetwork:
    def test_logits_are_the_outputs(self, network, inputs):
        logits = network.logits(inputs, 1)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, network(torch.as_tensor(inputs), 1).detach().numpy(), rtol=1e-6)

    def test_chunks_do_not_change_them(self, network, inputs, monkeypatch):
        whole = network.logits(inputs, 1)
        monkeypatch.setattr(category_network, "_UNITS", 64)
        np.testing.assert_allclose(network.logits(inputs, 1), whole, rtol=1e-5, atol=1e-6)

    def test_no_events_have_no_outputs(self, network, inputs):
        assert network.logits(inputs[:0], 1).shape == (0,)

    @pytest.mark.parametrize("kind", [None, CategoryModel])
    def test_a_file_makes_it_again_to_the_bit(self, network, inputs, kind):
        again = decode(kind or type(network), encode(network))
        assert type(again) is type(network)
        np.testing.assert_array_equal(again.logits(inputs, 1), network.logits(inputs, 1))
        assert not again.training
        assert not any(weight.requires_grad for weight in again.parameters())

    def test_weights_of_another_shape_are_refused(self, network, inputs):
        state = network.state()
        for wrong, text in (
            ({"weights": {}}, "do not fit"),
            ({"shape": state.shape | {"width": 16}}, "do not fit"),
            ({"shape": state.shape | {"inputs": [3]}}, "2 numbers of inputs are needed, not 1"),
            ({"shape": state.shape | {"colour": 1}}, "no .* has the shape"),
        ):
            with pytest.raises(ValueError, match=text):
                type(network).from_state(dataclasses.replace(state, **wrong))

    def test_its_arrays_do_not_change_with_it(self, network, inputs):
        other = type(network)((3, 4), width=8, seed=2)
        if isinstance(other, Classifier):
            other = Classifier((3, 4), width=8, depth=2, seed=2)
        before = arrays_of(other)
        load_arrays(other, arrays_of(network))
        np.testing.assert_array_equal(other.eval().logits(inputs, 1), network.logits(inputs, 1))
        assert any((before[name] != values).any() for name, values in arrays_of(other).items())
