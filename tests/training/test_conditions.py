"""Events that no network and no templates can be made of are refused as they come in."""

import numpy as np
import pytest

from ingestion_test.schema import PRIMARIES, PROCESSES
from ingestion_test.sources import OfficialFolder
from runtime.errors import ChallengeError
from tests.conftest import make_events, write_folder
from training.conditions import check_for_templates, events_with_jets
from training.samples import PARTS, Sample, training_part

SIZE = 6000


@pytest.fixture(scope="module")
def many_events():
    return make_events(SIZE)


def _without(rows):
    """Weights of 0 where `rows`, a function of the events, says so."""

    def change(events):
        return events.assign(weights=events["weights"].where(~rows(events), 0.0))

    return change


def _fewer_jets(most):
    def change(events):
        events = events.assign(PRI_n_jets=events["PRI_n_jets"].clip(upper=most))
        for number, jet in enumerate(("leading", "subleading")):
            for part in ("pt", "eta", "phi") if number >= most else ():
                events[f"PRI_jet_{jet}_{part}"] = np.float32(-25)
        return events

    return change


def _part(number):
    """Rows of the training part `number`: flows, classifier, held-out, templates."""
    first = int(0.3 * SIZE)
    ends = first + np.round(np.cumsum([0.0, *PARTS.values()]) * (SIZE - first)).astype(int)
    return lambda events: (events.index >= ends[number]) & (events.index < ends[number + 1])


#: A change of the events, the part that is refused, and what is said of it.
REFUSED = {
    "no weight of signal": (
        _without(lambda e: e["labels"] == 1),
        "flows",
        "no signal event of the part for flows",
    ),
    "no weight of background": (_without(lambda e: e["labels"] == 0), "flows", "no background event"),
    "no signal in one part": (
        _without(lambda e: (e["labels"] == 1) & _part(2)(e)),
        "held-out",
        "no signal event of the part for held-out",
    ),
    "no jets": (_fewer_jets(0), "flows", "no signal event of the part for flows has a jet"),
    "one jet at the most": (_fewer_jets(1), "flows", "signal events drawn .* 0 are of the category 2-jet"),
    "no signal with two jets": (
        _without(lambda e: (e["labels"] == 1) & (e["PRI_n_jets"] > 1)),
        "flows",
        "signal events drawn from the part for flows, 0 are of the category 2-jet",
    ),
    "a constant feature": (
        lambda e: e.assign(PRI_met_phi=np.float32(0)),
        "flows",
        "PRI_met_phi of all 1-jet events",
    ),
    "nothing passes": (lambda e: e.assign(PRI_had_pt=np.float32(1)), "flows", "0 are of the category 1-jet"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_events_that_networks_cannot_use(name, many_events, tmp_path):
    change, part, text = REFUSED[name]
    source = OfficialFolder(write_folder(tmp_path, change(many_events)))
    with pytest.raises(ChallengeError, match=text):
        events_with_jets(source, part)


@pytest.mark.parametrize("process", PROCESSES)
def test_templates_need_all_processes(process, many_events, tmp_path):
    change = _without(lambda e: (e["detailed_labels"] == process) & _part(3)(e))
    source = OfficialFolder(write_folder(tmp_path, change(many_events)))
    with pytest.raises(ChallengeError, match=f"no event of {process} in the part for templates has a weight above 0"):
        check_for_templates(training_part(source, "templates"), source)
    assert events_with_jets(source, "flows").weights.sum() > 0


def test_usual_events_are_taken_as_they_are(many_events, tmp_path):
    source = OfficialFolder(write_folder(tmp_path, many_events))
    for part in ("flows", "held-out"):
        for ours, theirs in zip(
            vars(events_with_jets(source, part)).values(), vars(training_part(source, part).with_jets()).values()
        ):
            np.testing.assert_array_equal(ours, theirs)
    check_for_templates(training_part(source, "templates"), source)


def test_an_empty_sample_has_no_process(data_folder):
    sample = Sample(np.empty((0, len(PRIMARIES)), np.float32), np.empty(0), np.empty(0, int))
    with pytest.raises(ChallengeError, match=f"no event of {', '.join(PROCESSES)} in the part"):
        check_for_templates(sample, OfficialFolder(data_folder))
