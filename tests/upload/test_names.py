"""Names that the image's versions have or lack."""

import sys

import pytest

from runtime.errors import ChallengeError
from upload import image
from upload.names import check_names, image_names, uses

#: Sources of which each uses a name that the image lacks, and the name.
LACKING = {
    "from enum import StrEnum": "enum.StrEnum",
    "from typing import Self": "typing.Self",
    "from typing import List, override as o": "typing.override",
    "from datetime import UTC": "datetime.UTC",
    "import datetime as d\nd.UTC": "datetime.UTC",
    "import datetime\ndatetime.datetime.now(datetime.UTC)": "datetime.UTC",
    "from itertools import batched": "itertools.batched",
    "import itertools\nitertools.batched([], 2)": "itertools.batched",
    "import math\ndef f(x):\n    return math.cbrt(x)": "math.cbrt",
    "import math as m\nclass Model:\n    size = m.sumprod([], [])": "math.sumprod",
    "from contextlib import chdir": "contextlib.chdir",
    "import asyncio\nasyncio.TaskGroup()": "asyncio.TaskGroup",
    "import hashlib\nhashlib.file_digest": "hashlib.file_digest",
    "from operator import call": "operator.call",
    "import warnings\n@warnings.deprecated('x')\ndef f(): pass": "warnings.deprecated",
    "from collections.abc import Buffer": "collections.abc.Buffer",
    "import copy\ncopy.replace": "copy.replace",
    "import os\nos.process_cpu_count()": "os.process_cpu_count",
    "from pathlib import Path\nPath.walk": "pathlib.Path.walk",
    "import importlib.resources.abc as a": "importlib.resources.abc",
    "import sys\nsys.exception()": "sys.exception",
    "import numpy as np\nnp.trapezoid([1.0])": "numpy.trapezoid",
    "import numpy\nnumpy.astype": "numpy.astype",
    "from numpy import concat": "numpy.concat",
    "import numpy as np\nnp.linalg.vector_norm": "numpy.linalg.vector_norm",
    "from numpy import linalg as la\nla.matrix_norm": "numpy.linalg.matrix_norm",
    "import numpy as np\nnp.strings.upper": "numpy.strings",
    "from numpy.exceptions import Nothing": "numpy.exceptions.Nothing",
    "import numpy as np\nnp.float": "numpy.float",
    "import numpy as np\nnp.int(3)": "numpy.int",
    "import pandas as pd\npd.DataFrame.append": "pandas.DataFrame.append",
    "import pandas as pd\npd.Int64Index": "pandas.Int64Index",
    "import pandas as pd\npd.col('a')": "pandas.col",
    "ExceptionGroup": "builtins.ExceptionGroup",
    "def f():\n    raise BaseExceptionGroup('a', [])": "builtins.BaseExceptionGroup",
    "from wsgiref.types import WSGIApplication": "wsgiref.types",
    "import importlib.resources.simple": "importlib.resources.simple",
    "from importlib.resources.abc import Traversable": "importlib.resources.abc",
    "import os\nos.path.splitroot('a')": "os.path.splitroot",
    "import os.path as p\np.isjunction('a')": "os.path.isjunction",
    "from os.path import isdevdrive": "os.path.isdevdrive",
    "import string\nstring.Template.get_identifiers": "string.Template.get_identifiers",
    "import concurrent.futures as cf\ncf.InterpreterPoolExecutor": "concurrent.futures.InterpreterPoolExecutor",
    "import sys\nif sys.version_info < (3, 11):\n    from typing import Self": "typing.Self",
    "import sys\nif sys.version_info >= (3, 11):\n    pass\nelse:\n    from enum import StrEnum": "enum.StrEnum",
    "import math, sys\ncbrt = math.cbrt if sys.version_info[0] == 3 else None": "math.cbrt",
    "import numpy.lib.array_utils": "numpy.lib.array_utils",
    "import numpy as np\nnp.lib.array_utils": "numpy.lib.array_utils",
    "from numpy.lib.array_utils import byte_bounds": "numpy.lib.array_utils",
}

#: Sources that the image's versions run, or of which nobody can know.
FINE = (
    "from enum import Enum",
    "import numpy as np\nnp.trapz([1.0])",
    "import numpy as np\nnp.product, np.float_, np.in1d",
    "import numpy.random as r\nr.default_rng(1).uniform()",
    "import numpy as np\nnp.random.default_rng",
    "import os.path\nos.path.join, os.getcwd",
    "import os\nos.path.join",
    "import collections.abc\ncollections.abc.Sized, collections.Counter",
    "try:\n    from enum import StrEnum\nexcept ImportError:\n    StrEnum = str",
    "import numpy as np\ntry:\n    f = np.trapezoid\nexcept AttributeError:\n    f = np.trapz",
    "import numpy as np\nf = np.trapezoid if hasattr(np, 'trapezoid') else np.trapz",
    "import numpy as np\nf = getattr(np, 'trapezoid', None) or np.trapz",
    "import sys\nif sys.version_info >= (3, 11):\n    from typing import Self",
    "import typing\nif typing.TYPE_CHECKING:\n    from typing import Self",
    "import numpy as np\nif np.__version__ > '2':\n    np.trapezoid",
    "def f(math):\n    return math.cbrt",
    "import math\nmath = None\nmath.cbrt",
    "from . import enum\nenum.StrEnum",
    "import torch, scipy.stats\ntorch.anything, scipy.stats.anything",
    "import numpy as np\nnp.__version__, np._private",
    "from math import *",
    "import pandas as pd\npd.DataFrame().append",
    "class ExceptionGroup(Exception): pass\nExceptionGroup()",
    "import datetime\ndatetime.datetime.fromisoformat",
    "print(len([]))",
    "import numpy as np\nnp.math, np.core.multiarray, np.matrixlib",
    "import numpy.core, numpy.distutils",
    "from numpy.core.umath_tests import inner1d",
    "from pandas.io.formats.style import Styler",
    "from pandas.core.frame import DataFrame",
    "import contextlib\nwith contextlib.suppress(ImportError):\n    from enum import StrEnum",
    "from contextlib import suppress\nwith suppress(AttributeError):\n    import math\n    math.cbrt",
    "import sys\nif sys.version_info[:2] > (3, 10):\n    from typing import Self\nelse:\n    Self = object",
    "from sys import version_info\nif not version_info < (3, 11):\n    from typing import Self",
    "if __name__ == '__main__':\n    from enum import StrEnum",
    "import numpy as n\nfrom packaging.version import Version as V\nif V(n.__version__).major > 1:\n    n.trapezoid",
    "from os import path\npath.join",
    "import os.path as p\np.join",
)


@pytest.mark.parametrize("source", LACKING)
def test_a_name_that_the_image_lacks(source):
    with pytest.raises(ChallengeError, match=rf"m.py, line \d+, uses {LACKING[source]}, which the image does not have"):
        check_names({"m.py": source.encode()})


@pytest.mark.parametrize("source", FINE)
def test_a_name_that_the_image_has_or_may_have(source):
    check_names({"m.py": source.encode()})


def test_a_name_that_only_the_image_has_is_said():
    seen = check_names({"m.py": b"import numpy as np\nnp.product([1])"})
    assert "numpy.product not in the versions of this machine" in seen
    looked = check_names({"m.py": b"import numpy as np\nnp.prod([1])"})
    assert looked == "methods of objects are not looked at"
    looked = check_names({"m.py": b"import torch\nimport scipy.stats\ntorch.nn.Anything"})
    assert looked == "methods of objects and names of scipy, torch are not looked at"


def test_the_table_is_of_the_image():
    names = image_names()
    modules = {module.partition(".")[0] for module in names}
    assert modules - {"numpy", "pandas"} <= image.STANDARD_LIBRARY
    assert {"numpy", "pandas", "typing", "enum", "builtins"} <= modules
    assert {"product", "trapz", "in1d"} <= names["numpy"]
    assert "applymap" in names["pandas.DataFrame"]
    assert "append" not in names["pandas.DataFrame"]
    assert not {"Self", "override"} & names["typing"]


def test_the_own_submission_uses_what_the_image_has():
    from ingestion_test.submissions import PROJECT

    paths = [PROJECT / "model.py", *(PROJECT / "submission").glob("*.py")]
    assert len(paths) > 10
    check_names({path.name: path.read_bytes() for path in paths})
    assert any(use.module == "numpy" for path in paths for use in uses(path.name, path.read_bytes()))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older ones cannot read it")
def test_newer_syntax_is_no_matter():
    check_names({"m.py": b"type X = int"})
