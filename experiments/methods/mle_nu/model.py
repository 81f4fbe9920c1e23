"""The paper's alternative method (app. E) as a submission."""

from experiments.methods.artifact_model import ArtifactModel
from experiments.methods.mle_nu.estimator import NuArtifacts, NuEstimator
from submission import artifacts


class Model(ArtifactModel):
    """Nuisance parameters by the sum of scores, mu by templates of training events shifted with them."""

    def load(self) -> NuEstimator:
        """The `NuEstimator` of the artifacts beside the model."""
        assert self.systematics is not None, "the method shifts its template events"
        return NuEstimator(artifacts.load(artifacts.FOLDER, NuArtifacts), self.systematics)
