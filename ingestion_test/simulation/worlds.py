"""Worlds: variants of the simulation, for tests of what happens when reality is not the training sample.

`official` is the best description of the official data. The others differ by as much as a good simulation may differ
from them, in ways that no nuisance parameter of the challenge describes.
"""

from dataclasses import dataclass, field

from runtime.errors import ChallengeError

from .processes import PARAMETERS, Model, Parameters, model

DEFAULT = "official"


@dataclass(frozen=True)
class World:
    """A variant of the simulation.

    Arguments:
        title: what it is, in a few words.
        corrected: whether the learned reweighting and the tilt act on the weights.
        change: what is added to numbers of `parameters.json`: (part, name) -> number; lists change as a whole. A
            process without such a number keeps what it has.
    """

    title: str
    corrected: bool = True
    change: dict[tuple[str, str], float] = field(default_factory=dict)


WORLDS = {
    DEFAULT: World("tuned to the figures of the official data"),
    "plain": World("the parametric model alone: neither reweighting nor tilt", corrected=False),
    "hard": World(
        "further jets 15% more frequent and harder, more noise in MET and less of the soft recoil measured",
        change={
            ("radiation", "further"): 0.14,
            ("radiation", "stretch"): 0.15,
            ("response", "noise"): 0.6,
            ("response", "soft"): -0.1,
        },
    ),
}


def models(world: str) -> dict[str, Model]:
    """Process -> model (`processes.model`) in a world.

    Raises:
        ChallengeError: no such world.
    """
    return {process: model(process, _changed(entry, get(world).change)) for process, entry in PARAMETERS.items()}


def get(name: str) -> World:
    """The world of that name; raises ChallengeError for another."""
    if name not in WORLDS:
        raise ChallengeError(f"no world {name!r}: use {', '.join(WORLDS)}")
    return WORLDS[name]


def _changed(entry: Parameters, change: dict[tuple[str, str], float]) -> Parameters:
    entry = entry | {part: dict(entry[part]) for part in ("radiation", "response")}
    for (part, name), step in change.items():
        value = entry[part][name]
        entry[part][name] = [v + step for v in value] if isinstance(value, list) else max(value + step, 0.0)
    return entry
