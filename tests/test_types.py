"""What the type check of this project reports."""

from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parents[1]

#: Calls that are wrong, with the kind of error that mypy has for each.
WRONG = {
    "from ingestion_test.scoring import sigma68\nsigma68()": "call-arg",
    "from ingestion_test.scoring import sigma68\nsigma68(100, 0.5, 3)": "call-arg",
    "from ingestion_test.scoring import sigma68\nsigma68('a hundred')": "arg-type",
    "from ingestion_test.sources import OfficialFolder\nOfficialFolder()": "call-arg",
    "import numpy as np\nnp.linspace('0', object())": "call-overload",
    "found = []": "var-annotated",
}


@pytest.mark.slow
def test_wrong_calls_are_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    for number, code in enumerate(WRONG):
        (tmp_path / f"wrong_{number}.py").write_text(f"{code}\n")
    report, errors, _ = api.run(["--config-file", "pyproject.toml", *map(str, sorted(tmp_path.glob("*.py")))])
    assert not errors
    for number, kind in enumerate(WRONG.values()):
        lines = [line for line in report.splitlines() if f"wrong_{number}.py" in line and "error:" in line]
        assert lines, report
        assert lines[0].endswith(f"[{kind}]"), lines
