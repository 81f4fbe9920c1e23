"""What a method of Table 2 is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from submission.estimator import Estimator
from training.config import Config
from training.stages import Training


@dataclass(frozen=True)
class Method:
    """A method: how it is trained, and what its submission consists of.

    Arguments:
        label: in tables and figures.
        config: function from "full" or "smoke" to the configuration of its training; None if nothing is trained
            beforehand.
        training: class of its training.
        estimator: class of the estimator in its artifacts; None if it has none.
        package: folder of `experiments/methods/` with its `model.py`; None for this project's own.
        module: name of the module with the classes that its artifacts hold beyond the submission's own
            (docs/extend.md); None where there are none, or in a package.
    """

    label: str
    config: Callable[[str], Config] | None
    training: type[Training] = Training
    estimator: type | None = Estimator
    package: str | None = None
    module: str | None = None
