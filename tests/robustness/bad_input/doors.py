"""All doors."""

from tests.robustness.bad_input import commands, configurations, events, frames, results, weights, zips

_MODULES = (events, results, weights, zips, frames, configurations, commands)

DOORS = tuple(door for module in _MODULES for door in module.DOORS)
