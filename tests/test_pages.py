"""What pages show as code does what the text around it says."""

import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

import experiments.methods
from experiments.__main__ import main as experiments_main
from experiments.methods.registry import METHODS, in_file
from ingestion_test.cli import main
from ingestion_test.pseudo_experiments import ground_truth_mus
from measurement.cli import main as measurement_main
from tests.submissions import write

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page, language):
    """The blocks of code of a page in a language, in their order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.slow
def test_the_first_model_of_write_a_model(tmp_path, data_folder):
    """Its interval is the middle 68.27% of the range of mu, whatever the events."""
    folder = write(tmp_path / "my_submission", {"model.py": blocks("write-a-model.md", "python")[0]})
    flags = ["--data", str(data_folder), "--submission", str(folder), "--output", str(tmp_path / "out")]
    assert main(["score", *flags, "--sets", "3", "--experiments", "5", "--workers", "1"]) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    result = json.loads((tmp_path / "out" / "result_0.json").read_text())
    low, high = result["p16"][0], result["p84"][0]
    assert (high - low) / (3 - 0.1) == pytest.approx(0.6827, abs=1e-3)
    assert scores["coverage"] == pytest.approx(sum(low <= mu <= high for mu in ground_truth_mus(3, 31415)) / 3)
    assert 0 < scores["coverage"] < 1


# docs/extend.md ------------------------------------------------------------------------------------------------------

#: Of each example the name of its file, and the class that stands in its weights.
EXAMPLES = {"logistic": "Logistic", "skewing": "skewing", "loose": "Loose", "feldman_cousins": "FeldmanCousins"}


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """The examples as modules of `experiments.methods`, each with its line in the registry."""
    folder = tmp_path / "methods"
    folder.mkdir()
    monkeypatch.setattr(experiments.methods, "__path__", [*experiments.methods.__path__, str(folder)])
    for block in blocks("extend.md", "python"):
        name = re.match(r"# experiments/methods/(\w+)\.py\n", block)[1]
        (folder / f"{name}.py").write_text(block)
        monkeypatch.setitem(METHODS, name, in_file(name))
    yield
    for name in EXAMPLES:
        sys.modules.pop(f"experiments.methods.{name}", None)


@pytest.mark.slow
def test_the_examples_of_extend(examples, simulated_folder, tmp_path):
    """Each is trained, travels in a submission that knows nothing of this project, and predicts."""
    output = tmp_path / "out"
    flags = ["table2", "--preset", "smoke", "--data", str(simulated_folder), "--output", str(output), "--workers", "1"]
    flags += ["--sets", "1", "--experiments", "1"]
    assert experiments_main([*flags, "--methods", ",".join(("default", *EXAMPLES))]) == 0
    rows = json.loads((output / "table2.json").read_text())["methods"]
    assert set(rows) == {"default", *EXAMPLES}
    for name, part in EXAMPLES.items():
        assert 0 < rows[name]["interval"][0] < 2.9 + 1e-9
        description = _description(output / name / "submission" / "submission" / "artifacts" / "estimator.npz")
        assert f'"{part}"' in description, name
    predictions = [(output / name / "result_0.json").read_text() for name in rows]
    assert len(set(predictions)) == len(rows), "each differs from the others"
    classifiers = [(output / name / "training" / "classifier.npz").read_bytes() for name in rows]
    assert len(set(classifiers)) == 3, "likelihood and belt have taken the classifier of default"
    flags = ["--data", str(simulated_folder), "--submission", str(output / "logistic" / "submission")]
    flags += ["--run", str(output / "logistic"), "--output", str(tmp_path / "page")]
    assert measurement_main(["explain", "0:0", *flags]) == 0
    explained = json.loads((tmp_path / "page" / "measurement.json").read_text())["estimate"]
    assert explained["p16"] == json.loads((output / "logistic" / "result_0.json").read_text())["p16"][0]


def _description(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("description.json").decode()
