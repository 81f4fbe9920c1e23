"""A few rounds of the comparison with the organisers' package, and that it sees what differs."""

import pytest

pytest.importorskip("HiggsML.systematics", reason="the organisers' package is not installed")
pytest.importorskip("HiggsML.score")

from tests.robustness import same_as_package


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "rounds"), [("systematics calls", 12), ("test sets", 6), ("result folders", 1)], ids=same_as_package.KINDS
)
def test_a_few_rounds(kind, rounds, capsys):
    assert same_as_package.main(["--only", kind, "--rounds", str(rounds), "--seed", "1"]) == 0
    assert capsys.readouterr().out == f"{rounds} {kind}: 0 differ\n"


def test_what_differs_is_shown(monkeypatch, capsys):
    def other(data_set, **arguments):
        shifted = ours(data_set, **arguments)
        data = shifted["data"] if isinstance(shifted, dict) else shifted
        data["DER_pt_h"] = -data["DER_pt_h"]
        return shifted

    ours = same_as_package.systematics
    monkeypatch.setattr(same_as_package, "systematics", other)
    assert same_as_package.main(["--only", "systematics calls", "--rounds", "4"]) == 1
    text = capsys.readouterr().out
    assert "round 0, systematics calls: [" in text
    assert '(column name="DER_pt_h")' in text
