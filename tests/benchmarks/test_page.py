"""The page of the benchmarks has a place for each."""

from benchmarks.__main__ import KEEPING, NAMES, possible
from ingestion_test.submissions import PROJECT


def test_every_benchmark_has_a_place_on_the_page():
    page = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    absent = [name for name in NAMES if f"<!-- {name} -->" not in page or f"<!-- /{name} -->" not in page]
    assert absent == []
    assert set(KEEPING) <= set(NAMES)
    assert set(possible()) <= set(NAMES)
