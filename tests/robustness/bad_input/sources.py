"""Door of the Python modules of a submission, which `python -m upload verify` reads without running them."""

import functools
import zipfile

from hypothesis import strategies as st

from tests.robustness.bad_input.sandbox import Door
from tests.robustness.bad_input.zips import verify
from tests.submissions import COMPLETE

_CONDITIONS = st.sampled_from(
    [
        *("sys.version_info >= (3, 11)", "not sys.version_info[:2] < (3, 11)", "version_info[99]", "sys.nothing"),
        *("sys.version_info[sys]", "sys.version_info.major == 'a'", "1 < 'a'", "'a' is 1", "() < (()) < sys", "None"),
        *("TYPE_CHECKING", "typing.TYPE_CHECKING and False", "typing.nothing", "__name__ == '__main__'", "__name__"),
        *(
            "np.__version__ > '2'",
            "hasattr(np, 'trapezoid')",
            "x[0]",
            "lambda: 0",
            "9 ** 9 ** 9 ** 9",
            "'a' * 10 ** 12",
        ),
        *("(yield)", "[*range(10 ** 12)]", "__builtins__", "-sys", "~1", "1_000_000_000_000 in sys", "(a := 1)", "..."),
    ]
)

_STATEMENTS = st.sampled_from(
    [
        *(
            "import a.b.c",
            "from . import a",
            "from .. import a",
            "from .a import *",
            "import os.path, sys",
            "import np",
        ),
        *("from os.path import *", "import numpy.core as c; c.x.y", "import numpy as np; np.trapezoid", "import zuko"),
        *("from enum import StrEnum", "import math; math.cbrt", "from concurrent.futures.thread import a", "math.cbrt"),
        *("import __main__; __main__.args", "import ''", "from __future__ import braces", "import datasets", "a.b.c.d"),
        *(
            "a[*b]",
            "a[(*b,)]",
            "a[b:c, *d]",
            "x = f'{a!r:{b}}'",
            "x = f'{'",
            "except* A: pass",
            "type X = int",
            "del a",
        ),
        *("def f(*a: *b): pass", "def f(np, math=math.cbrt): np.x", "class np: x = np.y", "global np", "nonlocal x"),
        *("np = np.np", "for np.x in np.y: pass", "with np.x as np.y: pass", "async def f(): await np.x", "return 1"),
        *(
            "match np:\n        case np.x: pass",
            "\xe9 = 1",
            "x = '\\ud800'",
            "\x0cpass",
            "pass # \u03bc",
            "import \u03bc",
        ),
    ]
)

_EXCEPTIONS = st.sampled_from(["ImportError", "(KeyError, ModuleNotFoundError)", "Exception", "a.b", "1", ""])

_PARTS = st.one_of(
    st.builds("if {}:\n    {}\nelse:\n    {}".format, _CONDITIONS, _STATEMENTS, _STATEMENTS),
    st.builds("while {}:\n    {}".format, _CONDITIONS, _STATEMENTS),
    st.builds("x = np.x if {} else np.y\n{}".format, _CONDITIONS, _STATEMENTS),
    st.builds("try:\n    {}\nexcept {}:\n    {}".format, _STATEMENTS, _EXCEPTIONS, _STATEMENTS),
    st.builds("with contextlib.suppress({}):\n    {}".format, _EXCEPTIONS, _STATEMENTS),
    st.builds("def f(x):\n    {}".format, _STATEMENTS),
    _STATEMENTS,
)

_FILES = st.sampled_from(["model.py", "parts/helper.py", "more.py"])


def _prepare(case, place):
    name, parts = case
    files = COMPLETE | {name: "\n".join([*parts, COMPLETE.get(name, "")])}
    path = place.inputs / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content.encode(errors="surrogatepass"))
    return functools.partial(verify, path)


DOORS = (Door("sources to verify", st.tuples(_FILES, st.lists(_PARTS, max_size=5)), _prepare),)
