"""The submission with boosted trees in place of its classifier."""

from experiments.methods.artifact_model import ArtifactModel
from experiments.methods.boosted import trees  # noqa: F401, so that the artifacts' trees can be read
from submission import artifacts
from submission.estimator import Estimator


class Model(ArtifactModel):
    """The likelihood and the belt of the submission, on the scores of boosted trees."""

    def load(self) -> Estimator:
        """The `submission.estimator.Estimator` with trees for a classifier."""
        return artifacts.load()
