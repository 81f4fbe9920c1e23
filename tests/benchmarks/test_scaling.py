"""What further events and pseudo-experiments cost."""

from benchmarks import scaling


def test_what_further_pseudo_experiments_add(tmp_path):
    runs = [{"number": n, "scoring, s": 3 + 0.5 * n, "memory, MiB": 9.0} for n in (1, 10, 100)]
    assert [(row["number"], row["scoring, s"], row["memory, MiB"]) for row in scaling.further(runs)] == [
        (9, 4.5, 9.0),
        (99, 49.5, 9.0),
    ]
    scaling.figure(tmp_path / "scaling.png", runs, runs)
    assert (tmp_path / "scaling.png").stat().st_size > 5000
