"""What the Models of methods with weights of their own have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from submission import codec
from submission.score import settle


class ArtifactModel(ABC):
    """A Model of the challenge whose estimator was trained beforehand and lies beside it as files.

    Subclasses say in `load` how it is read. A pickled model holds no weights: whoever unpickles it reads them again.

    Arguments:
        get_train_set: callable that returns the training events; not used.
        systematics: the official callable that shifts events.
    """

    def __init__(
        self, get_train_set: Callable[..., Any] | None = None, systematics: Callable[..., Any] | None = None
    ) -> None:
        self.systematics = systematics
        self.estimator: Any = None

    @abstractmethod
    def load(self) -> Any:
        """The estimator: `histogram`, and the methods `estimate` and `measurement` as of `submission.estimator`'s."""

    def fit(self) -> None:
        """Read the estimator."""
        self.estimator = self.load()

    def predict(self, test_set: Mapping[str, Any]) -> dict[str, float]:
        """What `submission.estimator.Estimate.prediction` says of {"data": events, "weights": one per event}."""
        prediction: dict[str, float] = self._ready().estimate(test_set["data"], test_set["weights"]).prediction
        return prediction

    def measurement(self, test_set: Mapping[str, Any]) -> bytes:
        """The `submission.estimator.Measurement` of a test set, as `submission.codec.encode` writes it."""
        return codec.encode(self._ready().measurement(test_set["data"], test_set["weights"]))

    def _ready(self) -> Any:
        if self.estimator is None:
            self.fit()
        settle(self.estimator.histogram.scorer)
        return self.estimator

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"estimator": None}
