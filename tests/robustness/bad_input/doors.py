"""All doors."""

from tests.robustness.bad_input import commands, events, frames, results, weights, zips

DOORS = (*events.DOORS, *results.DOORS, *weights.DOORS, *zips.DOORS, *frames.DOORS, *commands.DOORS)
