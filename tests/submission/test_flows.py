"""Laws of the coupling flows, checked on every transform, and what they say to bad input."""

import dataclasses

import numpy as np
import pytest
import torch

from benchmarks.flows import PlainFlow
from submission import flows_compiled
from submission.codec import decode, encode
from submission.flows import TRANSFORMS, Flow, FlowConfig, evaluate

INVERTIBLE = ["gated_affine", "hyperbolic"]


def parameters(name, points, seed=0):
    """Random parameters of a transform, some of them large."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(3 * torch.randn(TRANSFORMS[name].parameters, points, generator=generator, dtype=torch.float64))


def flow_of(odd, features=5, layers=6, flows=2, stretch=10.0):
    """A small flow in double precision whose output layers are large enough to make it no near-identity."""
    flow = Flow(FlowConfig(features, layers=layers, depth=2, width=16, odd=odd), flows, seed=1).double()
    with torch.no_grad():
        for conditioner in flow.conditioners:
            conditioner.weights[-1].mul_(stretch)
            conditioner.biases[-1].mul_(stretch)
    return flow


def events(count, features, spread=1.0, seed=2, dtype=torch.float64):
    return spread * torch.randn(count, features, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_slope_is_the_derivative(name):
    x = torch.linspace(-30, 30, 601, dtype=torch.float64, requires_grad=True)
    y, slope = TRANSFORMS[name].forward(x, parameters(name, len(x)))
    derivative = torch.autograd.grad(y.sum(), x)[0]
    torch.testing.assert_close(slope, derivative)


@pytest.mark.parametrize("name", INVERTIBLE)
@pytest.mark.parametrize("reach", [1.0, 30.0, 1e4])
def test_round_trip_of_a_transform(name, reach):
    x = torch.linspace(-reach, reach, 1001, dtype=torch.float64)
    raw = parameters(name, len(x))
    y, slope = TRANSFORMS[name].forward(x, raw)
    assert (slope > 0).all()
    torch.testing.assert_close(TRANSFORMS[name].inverse(y, raw), x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_transform_is_monotone(name):
    x = torch.linspace(-1e4, 1e4, 20_001, dtype=torch.float64)
    for seed in range(20):
        raw = [p.expand(len(x)) for p in parameters(name, 1, seed)]
        assert (TRANSFORMS[name].forward(x, raw)[0].diff() > 0).all()


def test_the_published_quadratic_is_invertible_near_zero_only():
    x = torch.tensor([-4.9, 0.0, 4.9, 30.0, -30.0], dtype=torch.float64)
    raw = (torch.full_like(x, -10.0), torch.full_like(x, 0.3))  # s = -0.1: the fold is at x = 5
    back = TRANSFORMS["quadratic"].inverse(TRANSFORMS["quadratic"].forward(x, raw)[0], raw)
    torch.testing.assert_close(back[:3], x[:3])
    assert abs(back[3] - 30) > 1


@pytest.mark.parametrize("odd", TRANSFORMS)
@pytest.mark.parametrize("layers", [1, 6, 9])
def test_log_jacobian_against_autograd(odd, layers):
    flow, x = flow_of(odd, layers=layers), events(4, 5)
    _, log_jacobian = flow.transform(x)
    for number in range(flow.flows):
        for event in range(len(x)):
            jacobian = torch.autograd.functional.jacobian(
                lambda v, k=number: flow.transform(v[None])[0][k, 0], x[event]
            )
            torch.testing.assert_close(log_jacobian[number, event], torch.linalg.slogdet(jacobian)[1])


@pytest.mark.parametrize("odd", INVERTIBLE)
@pytest.mark.parametrize("reach", [1.0, 30.0])
def test_round_trip_of_a_flow(odd, reach):
    flow, x = flow_of(odd, layers=30), events(200, 5, reach)
    torch.testing.assert_close(flow.inverse(flow.transform(x)[0])[1], x, rtol=0, atol=1e-3)
    fresh, x = Flow(FlowConfig(5, odd=odd)), x.float()
    torch.testing.assert_close(fresh.inverse(fresh.transform(x)[0])[0], x, rtol=0, atol=1e-3)


def total_probability(flow):
    edge = torch.linspace(-25, 25, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(edge, edge)
    with torch.no_grad():
        return flow.log_prob(grid).exp().sum(-1) * (edge[1] - edge[0]) ** 2


@pytest.mark.parametrize("odd", INVERTIBLE)
def test_density_integrates_to_one(odd):
    total = total_probability(flow_of(odd, features=2))
    torch.testing.assert_close(total, torch.ones(2, dtype=torch.float64), rtol=0, atol=2e-3)


def test_density_of_the_published_quadratic_does_not_integrate_to_one():
    assert (total_probability(flow_of("quadratic", features=2, stretch=30.0)) - 1).abs().max() > 0.1


@pytest.mark.parametrize("odd", INVERTIBLE)
@pytest.mark.parametrize("size", [0.0, 30.0, 1e3, 1e5])
def test_gradients_are_finite_at_extreme_inputs(odd, size):
    flow = flow_of(odd, layers=30).float()
    x = (size * torch.sign(events(50, 5, dtype=torch.float32))).requires_grad_()
    log_q = flow.log_prob(x)
    log_q.sum().backward()
    assert torch.isfinite(log_q).all()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in flow.parameters())


@pytest.mark.parametrize("odd", TRANSFORMS)
def test_single_precision_agrees_with_double(odd):
    flow = flow_of(odd, features=27, layers=30, stretch=3.0)
    x = events(500, 27)
    double = flow.log_prob(x)
    torch.testing.assert_close(flow.float().log_prob(x.float()).double(), double, rtol=1e-5, atol=1e-3)


def test_flows_side_by_side_do_not_mix():
    flow, x = flow_of("hyperbolic"), events(10, 5)
    with torch.no_grad():
        before = flow.log_prob(x)
        for parameter in flow.parameters():
            parameter[1].add_(0.1)
        after = flow.log_prob(x)
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])
    own = torch.stack([x, x + 1])  # each flow its own events
    torch.testing.assert_close(flow.log_prob(own)[1], flow.log_prob(x + 1)[1])


def test_samples_follow_the_density():
    flow = flow_of("hyperbolic", features=2)
    samples = flow.sample(20_000, seed=3)
    assert samples.shape == (2, 20_000, 2)
    assert torch.equal(samples, flow.sample(20_000, seed=3))
    edge = torch.linspace(-25, 25, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(edge, edge)
    with torch.no_grad():
        weight = flow.log_prob(grid).exp()
    mean = (weight[..., None] * grid).sum(1) / weight.sum(1, keepdim=True)
    error = samples.std(1) / 20_000**0.5
    assert ((samples.mean(1) - mean).abs() < 4 * error + 1e-3).all()


@pytest.mark.parametrize("odd", TRANSFORMS)
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("features", [2, 5, 27])
def test_evaluate_is_log_prob(odd, compiled, features):
    if compiled and flows_compiled.backend().startswith("torch"):
        pytest.skip(flows_compiled.backend())
    flow, x = flow_of(odd, features, layers=30, stretch=3.0), events(1000, features)
    expected = flow.log_prob(x).detach().numpy().T
    threads = torch.get_num_threads()
    log_q = evaluate(flow.float(), x.numpy(), chunk=300, compiled=compiled)
    assert log_q.dtype == np.float32
    assert torch.get_num_threads() == threads
    np.testing.assert_allclose(log_q, expected, rtol=1e-5, atol=1e-4)
    own = np.stack([x.numpy(), 1 + x.numpy()])
    np.testing.assert_allclose(evaluate(flow, own, compiled=compiled)[:, 0], log_q[:, 0], atol=1e-5)
    assert evaluate(flow, x.numpy()[:0], compiled=compiled).shape == (0, 2)


@pytest.mark.parametrize("size", [10.0, 30.0, 1e3])
def test_compiled_kernel_agrees_far_out(size):
    flow = flow_of("hyperbolic", layers=30, stretch=1.0)
    x = size * torch.sign(events(50, 5))
    expected = flow.log_prob(x).detach().numpy().T
    np.testing.assert_allclose(evaluate(flow.float(), x.numpy()), expected, rtol=2e-4)


@pytest.fixture
def rebuilt():
    """Forget the kernel before and after, so that the test builds it anew."""
    flows_compiled._built.cache_clear()
    yield
    flows_compiled._built.cache_clear()


def test_without_a_compiler_torch_takes_over_and_says_so(rebuilt, monkeypatch):
    monkeypatch.setattr(flows_compiled.shutil, "which", lambda name: None)
    assert flows_compiled.backend() == "torch (no C compiler here)"
    flow, x = flow_of("hyperbolic").float(), events(10, 5, dtype=torch.float32)
    assert not flows_compiled.usable(flow)
    np.testing.assert_allclose(evaluate(flow, x.numpy()), flow.log_prob(x).detach().numpy().T, atol=1e-4)


def test_a_failing_compiler_is_named(rebuilt, monkeypatch, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no space left >&2; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(flows_compiled.shutil, "which", lambda name: str(broken))
    assert flows_compiled.backend() == f"torch ({broken} failed: no space left)"


@pytest.mark.parametrize("place", ["TemporaryDirectory", "CDLL"])
def test_where_nothing_can_be_written_or_loaded_torch_takes_over(place, rebuilt, monkeypatch):
    def refuse(*_):
        raise OSError(13, "not here")

    monkeypatch.setattr(
        flows_compiled.tempfile if place == "TemporaryDirectory" else flows_compiled.ctypes, place, refuse
    )
    if flows_compiled.shutil.which("cc") or flows_compiled.shutil.which("gcc"):
        assert flows_compiled.backend() == "torch ([Errno 13] not here)"
    assert evaluate(flow_of("hyperbolic").float(), np.zeros((3, 5))).shape == (3, 2)


def test_flows_elsewhere_need_no_kernel(rebuilt, monkeypatch):
    monkeypatch.setattr(flows_compiled, "_built", lambda: pytest.fail("built for nothing"))
    assert not flows_compiled.usable(flow_of("hyperbolic").to("meta"))


def test_flows_that_the_kernel_is_not_laid_out_for_go_to_torch():
    wide = Flow(FlowConfig(4, layers=2, depth=1, width=10))  # no multiple of the kernel's block
    assert not flows_compiled.usable(wide)
    assert evaluate(wide, np.zeros((3, 4))).shape == (3, 1)


def test_the_plain_version_of_the_benchmark_is_the_same_function():
    flow, x = flow_of("hyperbolic", layers=8).float(), events(100, 5, dtype=torch.float32)
    for number in range(2):
        torch.testing.assert_close(PlainFlow(flow, number).log_prob(x), flow.log_prob(x)[number], rtol=1e-4, atol=1e-4)


def test_discrimination_is_monotonic_and_bounded():
    flow = flow_of("hyperbolic").float()
    log_q = evaluate(flow, events(500, 5).numpy())
    for scaled in (False, True):
        if scaled:
            flow.set_scale(log_q)
        d = flow.discrimination(log_q)
        assert d.shape == log_q.shape
        assert ((d >= 0) & (d <= 1)).all()
        order = np.argsort(log_q[:, 0])
        assert (np.diff(d[order, 0]) >= 0).all()
    assert np.median(d, axis=0) == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_file_brings_the_flow_back():
    flow, x = flow_of("quadratic").float(), events(20, 5, dtype=torch.float32)
    flow.set_scale(evaluate(flow, x.numpy()))
    back = decode(Flow, encode(flow))
    assert back.config == flow.config
    assert torch.equal(back.log_prob(x), flow.log_prob(x))
    assert torch.equal(back.scale, flow.scale)


def test_weights_of_another_shape_are_refused():
    state = flow_of("hyperbolic").state()
    for wrong in (
        dataclasses.replace(state, config=dataclasses.replace(state.config, features=6)),
        dataclasses.replace(state, weights={}),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            Flow.from_state(wrong)


def test_bad_events_are_refused():
    flow = flow_of("hyperbolic").float()
    for shape in ((4, 6), (5,), (3, 4, 5)):
        with pytest.raises(ValueError, match="this flow reads events of shape"):
            flow.log_prob(torch.zeros(shape))
    for bad in (np.nan, np.inf):
        x = np.zeros((4, 5))
        x[2, 3] = bad
        with pytest.raises(ValueError, match="1 of 4 events hold NaN or infinity"):
            evaluate(flow, x)


@pytest.mark.parametrize("wrong", [{"features": 1}, {"layers": 0}, {"odd": "cubic"}, {"width": 0}])
def test_bad_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match=r"needs|unknown transform"):
        FlowConfig(**{"features": 5, **wrong})
