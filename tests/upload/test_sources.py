"""Whether the image's Python can read a module, and has what it imports."""

import pytest

from runtime.errors import ChallengeError
from tests.upload.test_image import OF_THE_IMAGE
from upload.sources import check_imports, check_syntax

REFUSED = r"a\.py, line {}: .* the image has Python 3\.10"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("type Pair = tuple", 1),
        ("x = {}\ny = f'{x['a']}'", 2),
        ("x = f'{1 # one\n}'", 1),
        ("try:\n    pass\nexcept* ValueError:\n    pass", 1),
        ("def broken(:", 1),
        ("def first[T](x: T): pass", 1),
        ("a, b = {}, ()\na[*b]", 2),
        ("a, b = {}, ()\na[1, *b] = 2", 2),
        ("def f(*args: *tuple[int]): pass", 1),
    ],
)
def test_what_it_cannot_read(source, line):
    with pytest.raises(ChallengeError, match=REFUSED.format(rf"[{line}-4]")):
        check_syntax({"a.py": source.encode()})


@pytest.mark.parametrize("source", [b"a\0b", b"(" * 5000, b"# coding: nonsense\n", b"x = " + b"-" * 100_000 + b"1"])
def test_what_cannot_be_parsed(source):
    with pytest.raises(ChallengeError, match=r"a\.py"):
        check_syntax({"a.py": source})


def test_what_it_can_read():
    stars = "b = ()\nx[(*b, 1)] = [*b], (*b,), print(*b)\n"
    source = (
        stars
        + 'x = {}\ny = f"{x[\'a\']:{x[\'b\']}} \\n {{}}"\nz = f"""{x["a"]} \'b\'\n"""\nmatch x:\n    case {}: pass'
    )
    assert check_syntax({"a.py": source.encode(), "b.py": b"\xef\xbb\xbfx = 1"}) == "2 modules"


@pytest.mark.parametrize(
    ("source", "line", "module"),
    [
        ("\nimport zuko", 2, "zuko"),
        ("import numpy, zuko.flows as flows", 1, "zuko"),
        ("from safetensors.torch import load", 1, "safetensors"),
        ("import tomllib", 1, "tomllib"),
        ("try:\n    import zuko\nexcept ValueError:\n    pass", 2, "zuko"),
        ("try:\n    pass\nexcept ImportError:\n    import zuko", 4, "zuko"),
        ("def load():\n    import zuko", 2, "zuko"),
        ("import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli", 5, "tomli"),
        ("import contextlib\nwith contextlib.suppress(ValueError):\n    import zuko", 3, "zuko"),
        ("import os\nif os.environ.get('A'):\n    import zuko", 3, "zuko"),
    ],
)
def test_what_the_image_does_not_have(source, line, module):
    with pytest.raises(ChallengeError, match=rf"a\.py, line {line}, imports {module}, which the image does not have"):
        check_imports({"a.py": source.encode()})


@pytest.mark.parametrize(
    "source",
    [
        "import __main__\n__main__.args",
        "import sys\nif sys.version_info >= (3, 11):\n    import tomllib",
        "import sys\nif sys.version_info.major < 3:\n    import cPickle as pickle\nelse:\n    import pickle",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import zuko",
        "if __name__ == '__main__':\n    import zuko",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import zuko",
        "import typing\nif typing.TYPE_CHECKING:\n    import zuko",
        "if False:\n    import zuko",
        "import joblib\nfrom tqdm import tqdm\nimport distutils, __future__",
        "try:\n    import zuko\nexcept (KeyError, ImportError):\n    zuko = None",
        "try:\n    import zuko\nexcept:\n    zuko = None",
        "from . import nowhere\nfrom .zuko import flow",
        "import parts.helper, helper",
        "from systematics import systematics",
    ],
)
def test_what_it_has_or_may_lack(source):
    assert check_imports({"a.py": source.encode(), "parts/helper.py": b""}) == "the standard library"


def test_packages_are_named():
    sources = {"a.py": b"import torch, numpy as np, os", "b/c.py": b"from scipy.stats import norm\nimport torch.nn"}
    assert check_imports(sources) == "numpy, scipy, torch"
    assert all(check_imports({"a.py": f"import {name}".encode()}) == name for name in OF_THE_IMAGE)
