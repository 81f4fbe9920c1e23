"""The process of a submission: what it may do there, and what becomes of its predictions."""

from collections import OrderedDict, UserDict, defaultdict
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from ingestion_test.ingestion import Progress, RunSettings, run, run_one
from ingestion_test.jobs import WorkerError
from ingestion_test.sources import OfficialFolder
from ingestion_test.worker_process import checked_prediction, further_numbers
from runtime.errors import ChallengeError
from tests.submissions import good, predicting, write

GOOD = {"mu_hat": 1.0, "delta_mu_hat": 0.5, "p16": 0.5, "p84": 1.5}


def test_a_prediction_is_four_numbers_of_python():
    prediction = checked_prediction(GOOD | {"mu_hat": 1, "p16": np.float64(0.5), "further": "ignored"})
    assert prediction == GOOD
    assert list(prediction) == list(GOOD)
    assert [type(value) for value in prediction.values()] == [int, float, float, float]


class _Like:
    """Neither a dict nor anything that Python knows as such."""

    def __init__(self):
        self.__dict__ = dict(GOOD)

    def __getitem__(self, name):
        return getattr(self, name)

    def __setitem__(self, name, value):
        setattr(self, name, value)


@pytest.mark.parametrize(
    "prediction",
    [pd.Series(GOOD), UserDict(GOOD), OrderedDict(sorted(GOOD.items())), _Like(), defaultdict(float, GOOD)],
    ids=lambda prediction: type(prediction).__name__,
)
def test_what_can_be_written_and_read_as_a_dict_is_a_prediction(prediction):
    assert checked_prediction(prediction, 7) == GOOD
    assert prediction["test_set_index"] == 7
    assert further_numbers(prediction) == {}


def test_what_a_dict_answers_for_a_missing_key_counts():
    assert checked_prediction(defaultdict(lambda: 2.5, p16=1.0)) == dict.fromkeys(GOOD, 2.5) | {"p16": 1.0}


def test_further_numbers_are_those_that_a_journal_can_hold():
    more = {"twice_nll": 80, "nan": float("nan"), "flag": True, "text": "a", 3: 1.0, "large": 10**60, "list": [1.0]}
    assert further_numbers(GOOD | more) == {"twice_nll": 80.0}
    assert further_numbers(GOOD) == {}


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        (None, "returned NoneType, not a dict"),
        ([1.0, 0.5, 0.5, 1.5], "returned list, not a dict"),
        (pd.Series(GOOD, dtype="float32"), '"mu_hat" as float32'),
        (pd.DataFrame([GOOD]), '"mu_hat" as Series'),
        (np.array([1.0]), "returned ndarray, not a dict"),
        (MappingProxyType(GOOD), "returned mappingproxy, not a dict"),
        (GOOD | {"p16": np.array(0.5)}, '"p16" as ndarray'),
        (GOOD | {"p16": np.int64(0)}, '"p16" as int64'),
        (GOOD | {"p16": Decimal("0.5")}, '"p16" as Decimal'),
        ({"mu_hat": 1.0}, 'returned no "delta_mu_hat"; it must return mu_hat, delta_mu_hat, p16, p84'),
        (
            GOOD | {"p16": "0.5"},
            '"p16" as str, which Codabench cannot write as JSON or score; return a plain number: float',
        ),
        (GOOD | {"p16": None}, '"p16" as NoneType'),
        (GOOD | {"p16": True}, '"p16" as bool'),
        (GOOD | {"p84": float("inf")}, 'returned inf as "p84"; scores need finite numbers below 1e.50'),
        (GOOD | {"p84": float("nan")}, 'returned nan as "p84"'),
        (GOOD | {"p84": 10**400}, 'returned 1000.* as "p84"'),
    ],
)
def test_what_is_no_prediction(prediction, text):
    with pytest.raises(WorkerError, match=text):
        checked_prediction(prediction)


POOL = "multiprocessing.Pool(1).map(abs, [-1])[0]"

#: What a submission may do when it fits, as in the official program, whose main process it is.
ALLOWED = {
    "choose a start method": f"multiprocessing.set_start_method('spawn'); self.x = {POOL}",
    "keep the default one": f"self.x = float(multiprocessing.get_start_method() == default and {POOL})",
    "start threads": "t = threading.Thread(target=print); t.start(); t.join(); self.x = 1",
    "start a program": "self.x = int(subprocess.check_output(['echo', '1']))",
    "handle signals": "signal.signal(signal.SIGTERM, print); self.x = 1",
    "change the folder": "os.chdir('/'); self.x = 1",
}

HEAD = """
import multiprocessing, subprocess, threading
default = multiprocessing.get_all_start_methods()[0]
"""


@pytest.mark.parametrize("what", ALLOWED)
def test_what_a_submission_may_do(what, data_folder, tmp_path):
    folder = write(tmp_path / "submission", predicting(good("float(self.x)"), fit=ALLOWED[what], head=HEAD))
    outcome = run_one(RunSettings(1, 1), OfficialFolder(data_folder), folder, tmp_path / "work", 0, 0)
    assert outcome.prediction["mu_hat"] == 1.0


#: What a fit may change of its process; those that predict in parallel take it over.
CHANGING = """
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "deep", "deeper"))
        sys.argv.append("--mine")
        os.environ["MINE"] = "2"
        os.environ.pop("OURS")
        os.chdir(os.path.dirname(os.path.abspath(__file__)))
"""

CHANGED = """
import in_deeper
        assert sys.argv[-1] == "--mine" and "OURS" not in os.environ
        assert __main__.parser and not hasattr(__main__, "args")
        value = in_deeper.value + float(os.environ["MINE"]) + float(open("weights").read())
        """


def test_processes_that_predict_take_over_what_the_fit_has_changed(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OURS", "1")
    files = predicting(
        CHANGED.strip() + "\n        " + good("value"), fit=CHANGING.strip(), head="import sys, __main__"
    )
    folder = write(tmp_path / "submission", files | {"deep/deeper/in_deeper.py": "value = 0.25", "weights": "0.5"})
    outcomes = run(RunSettings(1, 2, ()), OfficialFolder(data_folder), folder, tmp_path / "out", workers=2)
    assert [outcome.prediction["mu_hat"] for outcome in outcomes] == [2.75, 2.75]


def test_what_cannot_be_sent_from_a_process_that_predicts(data_folder, tmp_path):
    files = predicting("return {'mu_hat': 1.0, 'delta_mu_hat': 1.0, 'p16': 0.0, 'p84': 2.0, 'more': lambda: 0}")
    arguments = RunSettings(1, 2, ()), OfficialFolder(data_folder), write(tmp_path / "submission", files)
    assert len(run(*arguments, tmp_path / "serial")) == 2
    with pytest.raises(ChallengeError, match=r"predict returned cannot be pickled .* as parallel runs on Codabench do"):
        run(*arguments, tmp_path / "parallel", workers=2)


def test_a_terminal_does_not_stop_what_prints_to_it(data_folder, tmp_path):
    """`stty tostop` has it stop all but the group in the foreground, unless they ignore its signals."""
    body = good("float(signal.getsignal(signal.SIGTTOU) == signal.SIG_IGN == signal.getsignal(signal.SIGTTIN))")
    folder = write(tmp_path / "submission", predicting(body))
    outcome = run_one(RunSettings(1, 1), OfficialFolder(data_folder), folder, tmp_path / "work", 0, 0)
    assert outcome.prediction["mu_hat"] == 1.0


@pytest.mark.slow
def test_cpu_time_is_that_of_work_and_not_of_waiting(tmp_path, data_folder):
    """Of fit and predict, with their threads."""
    busy = "end = time.process_time() + 0.5\n        while time.process_time() < end: pass\n        "
    heard = []

    class Heard(Progress):
        def fitted(self, seconds_cpu):
            heard.append(seconds_cpu)

    files = predicting("time.sleep(1)\n        " + busy + good(), fit=busy + "time.sleep(1)", head="import time")
    folder, settings = write(tmp_path / "submission", files), RunSettings(num_sets=1, num_experiments=1)
    (outcome,) = run(settings, OfficialFolder(data_folder), folder, tmp_path / "out", progress=Heard())
    assert outcome.seconds_predict > 1.4
    assert 0.45 < outcome.cpu_predict <= outcome.seconds_cpu
    assert heard[0] > 0.45
    assert outcome.seconds_cpu < outcome.seconds_predict + outcome.seconds_events
