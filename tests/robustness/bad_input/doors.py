"""All doors."""

from tests.robustness.bad_input import (
    commands,
    configurations,
    events,
    frames,
    requests,
    results,
    sources,
    weights,
    zips,
)

_MODULES = (events, requests, results, weights, zips, sources, frames, configurations, commands)

DOORS = tuple(door for module in _MODULES for door in module.DOORS)
