"""Malformed inputs at every door: each works as documented, or ends with one line and exit code 2."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from tests.robustness.bad_input.doors import DOORS
from tests.robustness.bad_input.sandbox import attempt

#: Inputs per door; `python -m tests.robustness.fuzz` tries more.
EXAMPLES = 25


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_no_input_leads_to_a_traceback(door):
    @settings(
        max_examples=EXAMPLES,
        deadline=timedelta(minutes=1),
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(door.cases)
    def attempt_case(case):
        verdict = attempt(door, case)
        assert not verdict.fault, verdict

    attempt_case()
