"""What ingestions leave behind, for the tests of scoring."""

import json

import numpy as np

from ingestion_test.schema import RESULT_LISTS

#: Two sets of two and four pseudo-experiments. The first: distances 0.1 and 0.3, errors 0.1 and 0.2.
HAND_MUS = [1.0, 2.0]
HAND_RESULTS = [
    {"mu_hats": [1.1, 0.7], "delta_mu_hats": [0.1, 0.2], "p16": [1.0, 0.5], "p84": [1.2, 0.9]},
    {"mu_hats": [2.0] * 4, "delta_mu_hats": [0.0] * 4, "p16": [1.5] * 4, "p84": [2.5, 2.5, 2.5, 2.0]},
]


def write_folder(folder, mus=HAND_MUS, results=HAND_RESULTS, **settings):
    """Write what an ingestion leaves behind."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_settings.json").write_text(json.dumps({"ground_truth_mus": mus, **settings}))
    (folder / "ingestion_duration.json").write_text('{"ingestion_duration": 3}')
    for i, result in enumerate(results):
        (folder / f"result_{i}.json").write_text(json.dumps(result))
    return folder


def random_results(sets=5, size=40, seed=0):
    """True mus and results whose intervals cover in about two thirds of the cases."""
    rng = np.random.default_rng(seed)
    mus = rng.uniform(0.1, 3, sets).tolist()
    results = []
    for mu in mus:
        mu_hats, half = rng.normal(mu, 0.3, size), rng.uniform(0.2, 0.4, size)
        lists = (mu_hats, half, mu_hats - half, mu_hats + half)
        results.append({key: values.tolist() for key, values in zip(RESULT_LISTS, lists)})
    return mus, results
