"""Small networks with known answers, and events for them."""

import numpy as np
import torch

from submission.category_network import CategoryModel
from submission.classifier import Classifier
from submission.features import CATEGORIES, FEATURES, Standardisation
from submission.flows import Flow, FlowConfig
from submission.gate import Gate
from submission.score import VIEWS, Discriminator, Scorer

NAMES = sorted({name for names in FEATURES.values() for name in names})


class FirstInput(CategoryModel):
    """A classifier whose logit is the first input; it remembers how many events it was shown."""

    def __init__(self):
        self.shown = 0

    def logits(self, inputs, number):
        self.shown += len(inputs)
        return np.asarray(inputs[:, 0], dtype=np.float32)

    def to(self, device):
        return self

    def state(self):
        raise AssertionError("this classifier is not for a file")


def events(size, seed=0):
    """Columns of events, a third of them in each category and without a jet: dict of arrays."""
    random = np.random.default_rng(seed)
    columns = {name: random.uniform(20, 60, size).astype(np.float32) for name in NAMES}
    columns["PRI_jet_leading_pt"][::3] = -25
    columns["PRI_jet_subleading_pt"][::3] = -25
    columns["PRI_jet_subleading_pt"][1::3] = -25
    return columns


def standardisations(view="features"):
    """Shift by 3 and divide by 2, in each category."""
    names = VIEWS[view][0]
    sizes = [len(names[category]) for category in CATEGORIES]
    return tuple(
        Standardisation(tuple(names[category]), np.full(size, 3, np.float32), np.full(size, 2, np.float32))
        for category, size in zip(CATEGORIES, sizes)
    )


def gate():
    """A gate that lets about half of the events pass."""
    gate = Gate([len(FEATURES[category]) for category in CATEGORIES], width=8, seed=1)
    gate.eval().requires_grad_(False)
    for number in range(len(CATEGORIES)):
        members = members_of(events(300), number)
        inputs = Scorer((), standardisations(), FirstInput()).standardised(members, number)
        gate.shift(number, -float(np.median(gate.logits(inputs, number))))
    return gate


def members_of(columns, number):
    """The events of category `number`."""
    rows = slice(number + 1, None, 3)
    return {name: values[rows] for name, values in columns.items()}


def discriminators():
    """Two flows of each category."""
    result = []
    for category, standardisation in zip(CATEGORIES, standardisations("coordinates")):
        flow = Flow(FlowConfig(len(standardisation.names), layers=2, depth=1, width=4), flows=2, seed=3)
        result.append(Discriminator(category, "coordinates", standardisation, flow.requires_grad_(False)))
    return tuple(result)


def classifier(further=0):
    """A classifier of the features and of `further` inputs, with random weights."""
    torch.manual_seed(6)
    network = Classifier([len(FEATURES[name]) + further for name in CATEGORIES], width=8, depth=1)
    return network.eval().requires_grad_(False)
