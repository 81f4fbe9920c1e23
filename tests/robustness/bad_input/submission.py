"""`score` without the process of the submission, so that a thousand inputs take minutes, not hours."""

import warnings
from unittest import mock

from ingestion_test import cli
from ingestion_test.jobs import Outcome, Ready, WorkerError
from ingestion_test.pseudo_experiments import experiment_test_set
from ingestion_test.sources import open_test_events
from runtime.errors import ChallengeError


class _Worker:
    """Stands for `workers.Worker`: fits by calling `fit(data folder)`, predicts a constant.

    What a worker process makes a line of is a line here too; any other exception is one that it would hide.
    """

    def __init__(self, fit, job):
        self.fit, self.job, self.experiment = fit, job, None

    def give(self, experiment):
        self.experiment = experiment

    def receive(self):
        try:
            if self.experiment:
                return self._predicted()
            self.fit(self.job.data)
            return Ready()
        except ChallengeError as error:
            raise WorkerError(str(error)) from error

    def _predicted(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they go to the submission's log
            test_set = experiment_test_set(
                open_test_events(self.job.test_events), self.experiment, self.job.systematics
            )
        prediction = {"mu_hat": 1.0, "delta_mu_hat": 0.5, "p16": 0.5, "p84": 1.5 + 0 * len(test_set["data"])}
        return Outcome(self.experiment, prediction, 0.0, 0.0)

    def close(self):
        pass


def score_one(fit, *flags):
    """Exit code of `score --only 0:0` with `flags`; `fit` is what the submission's does with the data folder."""
    with mock.patch("ingestion_test.pool.Worker", lambda job, _threads: _Worker(fit, job)):
        return cli.main(["score", "--sets", "1", "--experiments", "1", "--only", "0:0", *flags])
