"""What the classifier and the gate share: inputs for each category, and a state that a file can hold."""

from torch import nn

from .features import CATEGORIES

STATE_VERSION = 1


class CategoryNetwork(nn.Module):
    """A network with inputs of its own for each category.

    Arguments:
        inputs: number of inputs of each category, in the order of `features.CATEGORIES`.
        shape: what else the constructor of a subclass takes and the shapes of its weights depend on.
    """

    def __init__(self, inputs, **shape):
        super().__init__()
        if len(inputs) != len(CATEGORIES):
            raise ValueError(f"{len(CATEGORIES)} numbers of inputs are needed, not {len(inputs)}")
        self.shape = {"inputs": tuple(inputs), **shape}

    def state(self):
        """All that makes this network, as plain objects and tensors that `torch.load(weights_only=True)` reads."""
        return {"version": STATE_VERSION, "shape": self.shape, "weights": self.state_dict()}

    @classmethod
    def from_state(cls, state):
        """The network that `state` describes.

        Raises:
            ValueError: it is of another version, or its weights do not have the shapes that it says.
        """
        name = cls.__name__.lower()
        version = state.get("version") if isinstance(state, dict) else None
        if version != STATE_VERSION:
            raise ValueError(f"a {name}'s state of version {STATE_VERSION} was expected, not {version}")
        try:
            network = cls(**state["shape"])
            network.load_state_dict(state["weights"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"the {name}'s weights do not fit its shape: {error}") from error
        return network.eval()
