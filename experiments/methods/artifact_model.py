"""What the Models of methods with weights of their own have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

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
        """The estimator: `histogram`, and `estimate(data, weights)` that returns `submission.estimator.Estimate`."""

    def fit(self) -> None:
        """Read the estimator."""
        self.estimator = self.load()

    def predict(self, test_set: Mapping[str, Any]) -> dict[str, float]:
        """mu_hat, delta_mu_hat (half the interval), p16 and p84 of {"data": events, "weights": one per event}."""
        if self.estimator is None:
            self.fit()
        settle(self.estimator.histogram.scorer)
        result = self.estimator.estimate(test_set["data"], test_set["weights"])
        half = (result.p84 - result.p16) / 2
        return {"mu_hat": result.mu_hat, "delta_mu_hat": half, "p16": result.p16, "p84": result.p84}

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"estimator": None}
