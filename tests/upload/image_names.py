"""Writes `upload/image_names.json`; run with the image's Python 3.10, numpy 1.26 and pandas 2.2."""

import collections
import datetime
import importlib
import itertools
import json
import pathlib
import pkgutil
import random
import string
import sys
import threading
import warnings
import zipfile

import numpy as np
import pandas as pd

#: Modules that no submission needs, and folders of packages that are not public.
LEFT_OUT = {  # they are there, but their own names are not looked at
    "antigravity",
    "curses",
    "distutils",
    "encodings",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "msilib",
    "pydoc_data",
}
LEFT_OUT |= {"test", "tests", "this", "tkinter", "turtle", "turtledemo", "venv"}
LEFT_OUT |= {"array_api", "compat", "conftest", "core", "doc", "f2py", "io", "plotting", "setup", "util"}

PANDAS = (
    "api",
    "api.types",
    "api.extensions",
    "api.indexers",
    "api.interchange",
    "api.typing",
    "arrays",
    "errors",
    "io",
)
PANDAS += ("plotting", "testing", "tseries", "tseries.offsets", "tseries.frequencies", "util")

CLASSES = {
    "builtins": (bytes, dict, float, int, list, set, str, tuple),
    "collections": (collections.Counter,),
    "string": (string.Template, string.Formatter),
    "threading": (threading.Thread,),
    "random": (random.Random,),
    "zipfile": (zipfile.ZipFile, zipfile.ZipInfo),
    "datetime": (datetime.date, datetime.datetime, datetime.timedelta),
    "itertools": (itertools.chain,),
    "numpy": (np.ndarray,),
    "numpy.random": (np.random.Generator, np.random.RandomState),
    "pandas": (pd.DataFrame, pd.Series, pd.Index),
    "pathlib": (pathlib.Path, pathlib.PurePath),
}

#: What is there though nothing lists it.
UNLISTED = {"numpy": {"math"}}


def public(place):
    names = [*dir(place), *vars(place), *getattr(place, "__all__", [])]
    return {name for name in names if not name.startswith("_")}


def collect(names, module, deep):
    """Put the names of a module, and with `deep` of those in its folder, into the dict `names`."""
    try:
        loaded = importlib.import_module(module)
    except Exception:  # of the many kinds that modules of other systems raise
        return
    names[module] = public(loaded) | UNLISTED.get(module, set())
    for below in pkgutil.iter_modules(loaded.__path__) if hasattr(loaded, "__path__") else ():
        if not below.name.startswith("_"):
            names[module].add(below.name)
            if deep and below.name not in LEFT_OUT:
                collect(names, f"{module}.{below.name}", deep)


def main():
    warnings.simplefilter("ignore")
    names = {}
    for module in sorted(sys.stdlib_module_names):
        if not module.startswith("_") and (module not in LEFT_OUT or module == "io"):
            collect(names, module, deep=True)
    collect(names, "numpy", deep=True)
    for module in ("pandas", *(f"pandas.{name}" for name in PANDAS)):
        collect(names, module, deep=False)
    names |= {f"{place}.{kind.__name__}": public(kind) for place, kinds in CLASSES.items() for kind in kinds}
    names["os.path"] = names["posixpath"]
    lines = (f"{json.dumps(place)}: {json.dumps(' '.join(sorted(names[place])))}" for place in sorted(names))
    pathlib.Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
