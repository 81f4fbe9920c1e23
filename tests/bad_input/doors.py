"""All doors."""

from tests.bad_input import events, results, weights

DOORS = (*events.DOORS, *results.DOORS, *weights.DOORS)
