"""Small submissions for the tests, written as a participant would."""

#: Imports a sibling from a subfolder, trains in fit with get_train_set, and calls systematics itself.
COMPLETE = {
    "model.py": """
from helper import interval


class Model:
    def __init__(self, get_train_set, systematics):
        self.get_train_set, self.systematics = get_train_set, systematics

    def fit(self):
        train = self.get_train_set()
        shifted = self.systematics({"data": train, "weights": train["weights"]}, tes=1.02)
        self.mass = float((shifted["data"]["DER_mass_vis"] * shifted["weights"]).sum() / shifted["weights"].sum())
        print("fitted")

    def predict(self, test_set):
        return interval(float(test_set["data"]["DER_mass_vis"].mean()) / self.mass)
""",
    "parts/helper.py": """
def interval(value):
    return {"mu_hat": value, "delta_mu_hat": 0.5, "p16": value - 0.5, "p84": value + 0.5}
""",
}


def predicting(body, fit="pass", head=""):
    """A submission of one file with the given bodies of `fit` and `predict`."""
    return {
        "model.py": f"""
import os
import signal
{head}


class Model:
    def __init__(self, get_train_set, systematics):
        self.get_train_set, self.systematics = get_train_set, systematics

    def fit(self):
        {fit}

    def predict(self, test_set):
        {body}
"""
    }


def good(value="1.0"):
    """The statement that returns a valid prediction."""
    return f'return {{"mu_hat": {value}, "delta_mu_hat": 0.5, "p16": {value} - 0.5, "p84": {value} + 0.5}}'


def write(folder, files):
    """Write a submission into `folder`; returns the folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder
