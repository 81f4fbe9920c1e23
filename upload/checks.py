"""The upload: a zip with what a submission needs and nothing else, and a check of it before Codabench makes one."""

import ast
import io
import subprocess
import sys
import tempfile
import token
import tokenize
import zipfile
from pathlib import Path, PurePosixPath

PROJECT = Path(__file__).resolve().parents[1]

#: The file of `submission/` that only serves the command line.
NOT_UPLOADED = ("__main__.py",)

MAX_BYTES = 50_000_000

#: What the files of the zip may have in all.
MAX_UNPACKED_BYTES, MAX_FILES = 1_000_000_000, 10_000

#: Packages of the official image, by the name that is imported (docs/protocol.md#image).
IMAGE_PACKAGES = frozenset(
    {"iminuit", "lightgbm", "matplotlib", "nflows", "numpy", "pandas", "pyarrow", "scipy", "seaborn", "sklearn"}
    | {"tensorflow", "torch", "xgboost"}
)

#: What these packages cannot be without.
IMAGE_DEPENDENCIES = frozenset(
    {"PIL", "absl", "astunparse", "certifi", "charset_normalizer", "contourpy", "cycler", "dateutil", "filelock"}
    | {"flatbuffers", "fontTools", "fsspec", "functorch", "gast", "google", "grpc", "h5py", "idna", "jinja2", "joblib"}
    | {"keras", "kiwisolver", "markdown", "markupsafe", "ml_dtypes", "mpl_toolkits", "mpmath", "namex", "networkx"}
    | {"opt_einsum", "optree", "packaging", "pylab", "pyparsing", "pytz", "requests", "six", "sympy", "tensorboard"}
    | {"termcolor", "threadpoolctl", "torchgen", "tqdm", "triton", "typing_extensions", "urllib3", "werkzeug", "wrapt"}
)

#: Modules of the official program: it finds its own first.
OFFICIAL_MODULES = frozenset({"datasets", "systematics", "derived_quantities", "ingestion", "visualization"})

#: Version of Python in the official image.
PYTHON = (3, 10)

#: Its standard library: that of the Python at hand without what is newer, with what has been taken out since.
STANDARD_LIBRARY = sys.stdlib_module_names - {"annotationlib", "compression", "tomllib"} | frozenset(
    {"aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr"}
    | {"imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd"}
    | {"sunau", "telnetlib", "uu", "xdrlib"}
)

#: Seconds that a pseudo-experiment of the final phase may take: 10,000 of them, 30 processes, two hours.
MOST_SECONDS = 2 * 3600 * 30 / 10_000

#: Seconds that the trial run of `checks` may take.
TRIAL_SECONDS = 1800


class UploadError(Exception):
    """What Codabench would refuse or fail on; the message names it and the remedy."""


def build(path):
    """Write the upload of this project's own submission.

    Arguments:
        path: the zip to write. The same files give the same zip, byte by byte.

    Returns:
        its size in bytes.

    Raises:
        UploadError: it is larger than Codabench takes.
        OSError: it cannot be written.
    """
    path, content = Path(path), io.BytesIO()
    files = [PROJECT / "model.py", *sorted((PROJECT / "submission").rglob("*"))]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            name = file.relative_to(PROJECT).as_posix()
            if file.is_file() and not _is_useless(name) and not file.name.startswith(NOT_UPLOADED):
                member = zipfile.ZipInfo(name, date_time=(2025, 1, 1, 0, 0, 0))
                member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(member, file.read_bytes())
    size = len(content.getvalue())
    if size > MAX_BYTES:
        raise UploadError(
            f"{path} has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make the artifacts smaller"
        )
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.getvalue())
        part.replace(path)  # whole, or not there
    finally:
        part.unlink(missing_ok=True)
    return size


def checks(path):
    """What tells whether Codabench would take a zip and run it.

    Arguments:
        path: the zip.

    Returns:
        list of pairs: what is checked, a text, and the function that does it. It takes nothing, returns what it found,
        a text, and raises UploadError.

    Raises:
        UploadError: there is no such zip.
    """
    path = Path(path)
    if path.is_dir():
        raise UploadError(f"{path} is a folder: zip its content, with model.py at the root")
    if not path.is_file():
        raise UploadError(f"no such file: {path}; `python -m submission build` makes submission.zip")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_size(members)
            sources = {member.filename: archive.read(member) for member in members if member.filename.endswith(".py")}
    except UploadError:
        raise
    except Exception as error:  # of the many kinds that damaged and encrypted archives give
        raise UploadError(
            f"{path} is no zip that can be read ({error}): zip the content of the folder again"
        ) from error
    names = [member.filename for member in members]
    return [
        ("model.py at the root, nothing useless beside it", lambda: _check_files(path, names)),
        ("Python 3.10, as in the image", lambda: _check_syntax(sources)),
        ("packages of the image, no others", lambda: _check_imports(sources)),
        ("no module named as one of the official program's", lambda: _check_names(sources)),
        (f"a run on simulated events, half a minute ({TRIAL_SECONDS // 60} at the most)", lambda: _run(path)),
    ]


def _check_size(members):
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED_BYTES or len(members) > MAX_FILES:
        raise UploadError(
            f"the zip would unpack to {size / 1e6:,.0f} MB in {len(members):,} files, more than "
            f"{MAX_UNPACKED_BYTES / 1e6:,.0f} MB or {MAX_FILES:,} files: make it smaller"
        )


def _check_files(path, names):
    if "model.py" not in names:
        deep = next((name for name in names if name.endswith("/model.py")), None)
        hint = f"it is {deep}: zip the content of the folder, not the folder" if deep else "put it beside the rest"
        raise UploadError(f"no model.py at the root of the zip; {hint}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UploadError(f"the zip holds {twice[0]} more than once: leave one of them")
    useless = [name for name in names if _is_useless(name)]
    if useless:
        raise UploadError(f"the zip holds {useless[0]}, a cache or hidden file: leave such files out")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UploadError(f"the zip has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make its files smaller")
    return f"{len(names)} files, {size / 1e6:.1f} MB"


def _is_useless(name):
    """Whether a file is a cache or hidden, or lies in such a folder."""
    return any(part.startswith(".") or part == "__pycache__" for part in PurePosixPath(name).parts)


def _check_syntax(sources):
    for name, source in sources.items():
        try:
            ast.parse(source, name, feature_version=PYTHON)
            _check_f_strings(name, source)
        except SyntaxError as error:
            raise UploadError(
                f"{name}, line {error.lineno}: {error.msg}; the image has Python 3.10, which must be able to read it"
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise UploadError(f"{name} cannot be parsed ({error}): mend it") from error
    return f"{len(sources)} modules"


def _check_f_strings(name, source):
    """What Python 3.12 and later take within the braces of f-strings and 3.10 does not; ast tells older ones of it."""
    if sys.version_info < (3, 12):
        return
    quotes: list[str] = []  # of the f-strings that a token lies in
    for kind, text, (line, _), *_ in tokenize.tokenize(io.BytesIO(source).readline):
        around = quotes[:-1] if kind in (token.FSTRING_MIDDLE, token.FSTRING_END) else quotes
        if any(quote in text or (len(quote) == 1 and "\n" in text) for quote in around) or (
            around and ("\\" in text or kind == token.COMMENT)
        ):
            raise SyntaxError(
                "quote, backslash, comment or new line in the braces of an f-string", (name, line, 0, text)
            )
        if kind == token.FSTRING_START:
            quotes.append(text.lstrip("fFrR"))
        elif kind == token.FSTRING_END:
            quotes.pop()


def _check_imports(sources):
    """Absolute imports may name the standard library, the image's packages, and modules of the zip.

    What is tried, with ImportError excepted, may name any.
    """
    own = {part.removesuffix(".py") for name in sources for part in PurePosixPath(name).parts}
    found = set()
    for name, source in sources.items():
        nodes = list(ast.walk(ast.parse(source)))
        tries = [node for node in nodes if isinstance(node, ast.Try) and _excepts_imports(node)]
        tried = {inner for node in tries for part in node.body for inner in ast.walk(part)}
        for node in nodes:
            if node in tried:
                continue
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported = [node.module]
            else:
                continue
            for module in (module.split(".")[0] for module in imported):
                if module not in STANDARD_LIBRARY | IMAGE_PACKAGES | IMAGE_DEPENDENCIES | own | OFFICIAL_MODULES:
                    raise UploadError(
                        f"{name}, line {node.lineno}, imports {module}, which the image does not have: do without, "
                        "or put its code into the zip"
                    )
                found |= {module} & IMAGE_PACKAGES
    return ", ".join(sorted(found)) or "the standard library"


def _excepts_imports(node):
    """Whether a `try` goes on where a module is missing."""
    kinds = [kind for one in node.handlers for kind in (ast.walk(one.type) if one.type else [ast.Name("Exception")])]
    names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _check_names(sources):
    for name in sources:
        # Found are modules and packages at the root and in its folders, not what lies deeper.
        for taken in {part.removesuffix(".py") for part in PurePosixPath(name).parts[:2]} & OFFICIAL_MODULES:
            raise UploadError(f"{name}: the official program has a module {taken} and finds its own first; rename it")
    return f"none of {', '.join(sorted(OFFICIAL_MODULES))}"


def _run(path):
    """Unpack, fit, pickle to two spawned workers, predict twice, write JSON: in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        events, output = Path(folder, "events"), Path(folder, "output")
        challenge = [sys.executable, "-m", "ingestion_test"]
        _call([*challenge, "simulate", "--size", "small", "--seed", "1", "--workers", "1", "--output", str(events)])
        run = [*challenge, "score", "--submission", str(path.resolve())]
        try:
            said = _call(
                [*run, "--data", str(events), "--output", str(output), "--sets=1", "--experiments=2", "--workers=2"]
            )
        except UploadError as error:
            # What it says of the folder of this run is of no use, as the folder is gone.
            failed = str(error).split("; its output is in ")[0]
            raise UploadError(
                f"{failed}; `python -m ingestion_test score --submission {path} --only 0:0` shows what it prints"
            ) from None
    seconds = said.split("pseudo-experiment\n")[-1].split("\n")[0].split()[-1]
    return (
        f"fitted, pickled to 2 processes, predicted 2 pseudo-experiments, {seconds} s each with its events "
        f"(Codabench's final phase has time for {MOST_SECONDS:.0f} s), wrote JSON"
    )


def _call(command):
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        raise UploadError(
            f"the run was not over after {TRIAL_SECONDS // 60} minutes: make fit and predict faster"
        ) from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}: try it with `score`"]
        raise UploadError(said[-1].removeprefix("error: "))
    return done.stdout
