"""What the files that commands leave in `docs/` make of its pages: all numbers of their sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from experiments import official_shift, pulls, robustness, trainings
from experiments.ablation import table as ablation
from experiments.digits import command as digits
from experiments.final_phase import tables as final_phase
from experiments.refit_worlds import adaptation
from experiments.refit_worlds import tables as refit_worlds
from experiments.table2 import rows as table2
from experiments.toy import tables as toy
from experiments.trained_method import tables as trained_method
from measurement import quality

#: From a file in docs/ to the function that makes of its content the sections, by name, of the page in whose folder it
#: lies.
SECTIONS: dict[str, Callable[[Mapping[str, Any]], dict[str, str]]] = {
    "method/method.json": trained_method.sections,
    "method/trainings.json": trainings.sections,
    "method/refit-worlds.json": refit_worlds.sections,
    "method/adaptation.json": adaptation.sections,
    "results/table2.json": table2.sections,
    "results/final.json": final_phase.sections,
    "results/ablation.json": ablation.sections,
    "results/robustness.json": robustness.sections,
    "results/pulls.json": pulls.sections,
    "simulation/official-shift.json": official_shift.sections,
    "explain/quality.json": quality.sections,
    "toy/toy.json": toy.sections,
    "digits/digits.json": digits.sections,
}
