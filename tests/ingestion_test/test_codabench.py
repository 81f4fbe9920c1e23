"""Small submissions do here what they do in the official program, or a warning says what that one does."""

import json

import pandas as pd
import pytest

from ingestion_test.ingestion import Progress, RunSettings, run
from ingestion_test.run_ingestion import main
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from tests.submissions import good, predicting, write

SETTINGS = RunSettings(num_sets=1, num_experiments=2, systematics=(), seed=5)


class _Heard(Progress):
    def __init__(self):
        self.warnings = []

    def warning(self, text):
        self.warnings.append(text)


@pytest.fixture
def results(tmp_path, data_folder):
    """Function from a submission to the content of its result file and the warnings of its run."""

    def make(files, workers=1):
        folder, heard = write(tmp_path / "submission", files), _Heard()
        run(SETTINGS, OfficialFolder(data_folder), folder, tmp_path / "output", workers, progress=heard)
        return json.loads((tmp_path / "output" / "result_0.json").read_text()), heard.warnings

    return make


WORDLESS = "class Wordless(BaseException):\n    def __str__(self): raise ValueError"


@pytest.mark.parametrize(
    ("fit", "text"),
    [
        ("self.get_train_set(100)", "TypeError: .*positional argument"),
        (
            "import sys; sys.exit(0)",
            r"Model\.fit called sys\.exit\(0\): on Codabench the program ends there, with exit",
        ),
        ("raise SystemExit('enough')", "with exit code 1 and without results"),
        ("raise KeyboardInterrupt", r"Model\.fit raised KeyboardInterrupt: ;"),
        ("raise GeneratorExit('mine')", r"Model\.fit raised GeneratorExit: mine"),
        ("raise Wordless", r"Model\.fit raised Wordless: a text that cannot be shown"),
        ("os._exit(0)", "exit code 0, with which on Codabench the program would end without results"),
    ],
)
def test_what_ends_a_fit(fit, text, results):
    with pytest.raises(ChallengeError, match=text):
        results(predicting(good(), fit=fit, head=WORDLESS))


@pytest.mark.parametrize("files", [predicting("os.sys.exit()"), {"model.py": "raise SystemExit"}])
def test_exits_elsewhere(files, results):
    with pytest.raises(ChallengeError, match=r"called sys\.exit\(\): on Codabench the program ends .* exit code 0"):
        results(files)


TRAIN_SET_IN_PREDICT = predicting(good("float(len(self.get_train_set(train_size=50)))"))


def test_train_set_in_predict(results):
    result, warnings = results(TRAIN_SET_IN_PREDICT)
    assert result["mu_hats"] == [50, 50]
    assert [text.partition(":")[0] for text in warnings] == ["predict calls get_train_set"]


def test_train_set_in_predict_of_a_parallel_run(results):
    with pytest.raises(ChallengeError, match="AttributeError: get_train_set is not there in the processes"):
        results(TRAIN_SET_IN_PREDICT, workers=2)


SAME_DICT = "self.r.update(mu_hat=1.0, delta_mu_hat=0.2, p16=0.8, p84=1.2); return self.r"


@pytest.mark.parametrize(
    ("body", "fit", "warned"),
    [
        (SAME_DICT, "self.r = {}", True),
        (SAME_DICT.replace("return self.r", "return dict(self.r)"), "self.r = {}", False),
        (good(), "pass", False),
    ],
)
def test_an_object_that_comes_again(body, fit, warned, results):
    _, warnings = results(predicting(body, fit=fit))
    assert [text.split(":")[0] for text in warnings] == ["Model.predict returns the same object again"] * warned


THREADS = {
    "a thread": "threading.Thread(target=time.sleep, args=(600,), name='forgotten').start()",
    "a timer": "threading.Timer(600, print).start()",
    "a daemon": "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    "a thread that ends": "threading.Thread(target=print).start(); time.sleep(0.1)",
    "an executor": "self.executor = ThreadPoolExecutor(1); self.executor.submit(print)",
}


@pytest.mark.parametrize("what", THREADS)
def test_what_keeps_the_program_from_ending(what, results):
    head = "import threading, time\nfrom concurrent.futures import ThreadPoolExecutor"
    _, warnings = results(predicting(good(), fit=THREADS[what], head=head))
    warned = any("still runs after predict: on Codabench the program ends only when" in text for text in warnings)
    assert warned == (what in ("a thread", "a timer"))


@pytest.mark.parametrize("fit", ["np.seterr(all='raise')", "np.random.RandomState = None"])
def test_what_is_changed_for_the_program_too(fit, results):
    with pytest.raises(ChallengeError, match=r"the test set cannot be made \(.*Error.* has changed how numpy, pandas"):
        results(predicting(good(), fit=fit, head="import numpy as np"))


@pytest.mark.skipif(pd.__version__ < "3", reason="older ones write")
@pytest.mark.parametrize("array", ["data.to_numpy()", "data['PRI_met'].values", "weights.to_numpy()"])
def test_arrays_that_the_pandas_at_hand_does_not_write_to(array, results):
    with pytest.raises(
        ChallengeError, match=r"read-only \(arrays of a frame .* in the image's pandas 2: write to a copy"
    ):
        results(predicting(f"data, weights = test_set['data'], test_set['weights']; {array}[:] = 0; {good()}"))


@pytest.mark.parametrize(("name", "warned"), [("ingestion_test", True), ("training", False)])
def test_a_module_that_is_named_as_the_program_here(name, warned, results):
    _, warnings = results(predicting(good()) | {f"{name}/__init__.py": ""})
    assert [text.partition(":")[0] for text in warnings] == ["the submission has a module ingestion_test"] * warned


MAKERS = {
    "a function": "def Model(get_train_set, systematics): return _Model(get_train_set, systematics)",
    "an object": "class Maker:\n    def __call__(self, **callables): return _Model(**callables)\n\nModel = Maker()",
    "a class from a package": "from package.deep import Model",
}


@pytest.mark.parametrize("what", MAKERS)
def test_any_callable_makes_the_model(what, results):
    one = predicting(good("1.5"))["model.py"]
    files = {"model.py": one.replace("class Model", "class _Model") + "\n\n" + MAKERS[what]}
    result, _ = results(files | {"package/__init__.py": "", "package/deep.py": one}, workers=2)
    assert result["mu_hats"] == [1.5, 1.5]


HIDDEN = (".weights/w.json", ".w.json", "__pycache__/w.json", "parts/.hidden/w.json")


def test_hidden_files_are_there(results):
    read = (
        f"sum(float(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)).read()) for name in {HIDDEN})"
    )
    result, _ = results(predicting(good("self.x"), fit=f"self.x = {read}") | dict.fromkeys(HIDDEN, "0.5"))
    assert result["mu_hats"] == [2.0, 2.0]


def test_whole_numbers_stay_whole(tmp_path, results):
    results(predicting("return {'mu_hat': 1, 'delta_mu_hat': 1, 'p16': 0, 'p84': 2}"))
    assert "." not in (tmp_path / "output" / "result_0.json").read_text()


def test_order_of_a_test_set(results):
    body = "weights, data = test_set.values(); " + good("float(len(data.columns))")
    assert results(predicting(body))[0]["mu_hats"] == [28.0, 28.0]


def test_large_seeds(data_folder, tmp_path):
    seed = 2**32 - 1 - 6 - 2
    settings = RunSettings(1, 2, seed=seed)
    outcomes = run(settings, OfficialFolder(data_folder), write(tmp_path / "s", predicting(good())), tmp_path / "out")
    assert [outcome.experiment.seed for outcome in outcomes] == [seed, seed + 1]


def test_seeds_that_numpy_does_not_take():
    with pytest.raises(ChallengeError, match="numpy takes none above 4294967295; choose a smaller one"):
        RunSettings(1, 2, seed=2**32 - 1 - 6 - 1)


def test_the_official_command_line_warns(tmp_path, data_folder, caplog):
    folder = write(tmp_path / "submission", TRAIN_SET_IN_PREDICT)
    flags = ["-i", str(data_folder), "-s", str(folder), "-o", str(tmp_path / "out"), "--num-of-sets", "1"]
    assert main(flags) == 0
    assert "warning: predict calls get_train_set: on Codabench" in caplog.text
