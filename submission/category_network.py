"""What gives every event of a category a number, and the networks that do: inputs of their own for each category."""

import abc
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from .arrays import FloatArray
from .features import CATEGORIES

#: Events that a network works on at a time, times the units of its widest layer: few enough that what passes between
#: layers stays in the cache, and memory is bounded.
_UNITS = 1024 * 192

Self = TypeVar("Self", bound="CategoryNetwork")


class CategoryModel(abc.ABC):
    """What gives every event of a category a number: a network, or anything else that can be trained for it."""

    @abc.abstractmethod
    def logits(self, inputs: FloatArray, number: int) -> FloatArray:
        """The output for events, all of category `number`: float32 array (events,), from `inputs` (events, inputs)."""

    @abc.abstractmethod
    def to(self, device: Any) -> Any:
        """Move it to `device`, where it can be moved; returns it."""

    @abc.abstractmethod
    def state(self) -> Any:
        """What `submission.codec` writes for it: a dataclass, from which the class method `from_state` makes it."""


@dataclass(frozen=True)
class NetworkState:
    """What makes a `CategoryNetwork`: its shape, as its constructor takes it, and its weights by their names."""

    shape: dict[str, Any]
    weights: dict[str, FloatArray]


class CategoryNetwork(nn.Module, CategoryModel):
    """A network with inputs of its own for each category.

    Arguments:
        inputs: number of inputs of each category, in the order of `features.CATEGORIES`.
        shape: what else the constructor of a subclass takes and the shapes of its weights depend on.
    """

    #: What there is a network of: the categories, unless a subclass has others.
    members: ClassVar[tuple[str, ...]] = CATEGORIES

    def __init__(self, inputs: Sequence[int], **shape: int) -> None:
        super().__init__()
        if len(inputs) != len(self.members):
            raise ValueError(f"{len(self.members)} numbers of inputs are needed, not {len(inputs)}")
        self.shape: dict[str, Any] = {"inputs": list(inputs), **shape}

    @torch.inference_mode()
    def logits(self, inputs: FloatArray, number: int) -> FloatArray:
        """The output for events, all of category `number`: float32 array (events,), from `inputs` (events, inputs)."""
        parameters = list(self.parameters())
        device, widest = parameters[0].device, max(len(values) for values in parameters)
        chunks = torch.as_tensor(inputs).split(max(1, _UNITS // widest))
        outputs: FloatArray = torch.cat([self(chunk.to(device), number).cpu() for chunk in chunks]).numpy()
        return outputs

    def state(self) -> NetworkState:
        """All that makes this network."""
        return NetworkState(self.shape, arrays_of(self))

    @classmethod
    def from_state(cls: type[Self], state: NetworkState) -> Self:
        """The network that `state` describes, ready to be used, not trained.

        Raises:
            ValueError: its weights do not have the shapes that it says.
        """
        try:
            network = cls(**state.shape)
        except (TypeError, RuntimeError) as error:
            raise ValueError(f"no {cls.__name__} has the shape {state.shape}: {error}") from error
        load_arrays(network, state.weights)
        network.eval().requires_grad_(False)
        return network


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these sizes, with ReLU between them."""
    pairs = itertools.pairwise(sizes)
    layers = [layer for inputs, outputs in pairs for layer in (nn.Linear(inputs, outputs), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def arrays_of(network: nn.Module) -> dict[str, FloatArray]:
    """The weights of a network by their names, as arrays."""
    return {name: values.detach().cpu().numpy().copy() for name, values in network.state_dict().items()}


def load_arrays(network: nn.Module, weights: dict[str, FloatArray]) -> None:
    """Give a network the weights that `arrays_of` returned.

    Raises:
        ValueError: they are not those of a network of this shape.
    """
    try:
        network.load_state_dict({name: torch.as_tensor(values) for name, values in weights.items()})
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"the weights do not fit the {type(network).__name__}: {error}") from error
