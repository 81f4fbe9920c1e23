"""The flows that are timed are the same function, and a row says how many times as fast as torch alone it is."""

import numpy as np
import pytest
import torch

from benchmarks.flows import PlainFlow, table
from submission.flows import Flow, FlowConfig


def test_the_plain_version_is_the_same_function():
    torch.manual_seed(0)
    flow = Flow(FlowConfig(5, layers=4, depth=2, width=8), flows=2)
    x = torch.randn(50, 5)
    with torch.no_grad():
        for number in range(2):
            plain = PlainFlow(flow, number).log_prob(x)
            np.testing.assert_allclose(plain, flow.log_prob(x)[number], rtol=1e-4, atol=1e-4)


def test_ratios_are_of_the_cpu_time():
    seconds = {"torch": np.array([[1.0, 2e-6], [1.0, 4e-6]]), "compiled": np.array([[0.5, 1e-6], [0.5, 1e-6]])}
    rows = table("evaluation", seconds).rows
    assert rows[1] == ("compiled", "2", "1.0", "3.00 (2.00 to 4.00)")
    assert rows[0][3] == pytest.approx("1.00 (1.00 to 1.00)")
