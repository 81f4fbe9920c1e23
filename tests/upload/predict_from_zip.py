"""What an interpreter of its own makes of an unpacked upload: run in its folder, with a folder of inputs as argument.

Printed as JSON: the versions, the prediction of Model, log q of the flows, and how many doctests there are and fail.
"""

import doctest
import importlib
import json
import platform
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
import torch

if __name__ == "__main__":
    # What is imported is the upload, nothing that lies beside this file.
    sys.path[0] = ""

from model import Model
from submission.codec import decode
from submission.flows import Flow, evaluate


def main(inputs):
    with np.load(inputs / "events.npz") as events:
        data = pd.DataFrame(dict(events))
    flow = decode(Flow, (inputs / "flow.npz").read_bytes())
    modules = [importlib.import_module(f"submission.{path.stem}") for path in sorted(Path("submission").glob("*.py"))]
    tested = [doctest.testmod(module) for module in modules]
    result = {
        "versions": {"python": platform.python_version()} | {m.__name__: m.__version__ for m in (np, pd, scipy, torch)},
        "prediction": Model().predict({"data": data}),
        "log_q": evaluate(flow, np.load(inputs / "flow_events.npy")).tolist(),
        "doctests": [sum(one.attempted for one in tested), sum(one.failed for one in tested)],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
