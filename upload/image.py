"""The image in which Codabench runs a submission: its Python, its packages and its limits (docs/protocol.md#image)."""

import sys

#: Version of Python.
PYTHON = (3, 10)

#: Its standard library: that of the Python at hand without what is newer, with what has been taken out since.
STANDARD_LIBRARY = sys.stdlib_module_names - {"annotationlib", "compression", "tomllib"} | frozenset(
    {"aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr"}
    | {"imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd"}
    | {"sunau", "telnetlib", "uu", "xdrlib"}
)

#: Versions of those packages whose names `names` knows.
VERSIONS = {"numpy": "numpy 1.26", "pandas": "pandas 2.2"}

#: Packages, by the name that is imported.
PACKAGES = frozenset(
    {"iminuit", "lightgbm", "matplotlib", "nflows", "numpy", "pandas", "pyarrow", "scipy", "seaborn", "sklearn"}
    | {"tensorflow", "torch", "xgboost"}
)

#: What these packages cannot be without.
DEPENDENCIES = frozenset(
    {"PIL", "absl", "astunparse", "certifi", "charset_normalizer", "contourpy", "cycler", "dateutil", "filelock"}
    | {"flatbuffers", "fontTools", "fsspec", "functorch", "gast", "google", "grpc", "h5py", "idna", "jinja2", "joblib"}
    | {"keras", "kiwisolver", "markdown", "markupsafe", "ml_dtypes", "mpl_toolkits", "mpmath", "namex", "networkx"}
    | {"opt_einsum", "optree", "packaging", "pylab", "pyparsing", "pytz", "requests", "six", "sympy", "tensorboard"}
    | {"termcolor", "threadpoolctl", "torchgen", "tqdm", "triton", "typing_extensions", "urllib3", "werkzeug", "wrapt"}
)

#: Bytes of the largest zip that Codabench takes.
MAX_BYTES = 50_000_000

#: The final phase: its pseudo-experiments, the processes that share them, and the seconds that all may take.
EXPERIMENTS, PROCESSES, PHASE_SECONDS = 10_000, 30, 2 * 3600
