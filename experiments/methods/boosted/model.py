"""The submission with boosted trees in place of its classifier."""

from experiments.methods.artifact_model import ArtifactModel
from experiments.methods.boosted.trees import BoostedScorer
from submission import artifacts


class Model(ArtifactModel):
    """The likelihood and the belt of the submission, on the scores of boosted trees."""

    def load(self):
        """The `submission.estimator.Estimator` with trees for a classifier."""
        return artifacts.load(scorer_class=BoostedScorer)
