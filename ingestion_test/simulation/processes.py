"""The four processes with the numbers that describe them."""

from . import pairs, resonance
from .radiation import Radiation

ZTAUTAU = resonance.Resonance(91.19, 2.50, 2.0, "1+cos2", True, Radiation(strength=0.45, scale=40.0, power=0.9))
HTAUTAU = resonance.Resonance(
    125.0, 0.0, 1.5, None, False, Radiation(strength=0.75, scale=60.0, power=0.9), modes=(0.11, 0.05, 0.01)
)
TTBAR = pairs.Pair(
    120.0,
    0.9,
    0.6,
    Radiation(strength=0.7, scale=80.0, power=1.0),
    channels={"tt:tau": 0.5, "tt:fake": 0.5, "tw:tau": 0.1, "tw:fake": 0.1},
)
DIBOSON = pairs.Pair(
    60.0,
    1.2,
    0.7,
    Radiation(strength=0.45, scale=60.0, power=0.9),
    channels={"ww:tau": 0.5, "ww:fake": 0.5, "zz:qq": 0.1, "zz:nunu": 0.1},
)

#: Process -> function(rng, thrown) that returns (columns, weights).
GENERATORS = {
    "ztautau": lambda rng, n: resonance.generate(rng, n, ZTAUTAU),
    "htautau": lambda rng, n: resonance.generate(rng, n, HTAUTAU),
    "ttbar": lambda rng, n: pairs.generate(rng, n, TTBAR),
    "diboson": lambda rng, n: pairs.generate(rng, n, DIBOSON),
}
