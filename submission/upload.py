"""The upload: a zip with what a submission needs and nothing else, and a check of it before Codabench makes one."""

import ast
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

PROJECT = Path(__file__).resolve().parents[1]

#: Files of `submission/` that only serve to make the zip.
NOT_UPLOADED = ("upload.py", "__main__.py")

MAX_BYTES = 50_000_000

#: What the files of the zip may have in all.
MAX_UNPACKED_BYTES, MAX_FILES = 1_000_000_000, 10_000

#: Packages of the official image, by the name that is imported (protocol, section 6).
IMAGE_PACKAGES = frozenset(
    {"iminuit", "lightgbm", "matplotlib", "nflows", "numpy", "pandas", "pyarrow", "scipy", "seaborn", "sklearn"}
    | {"tensorflow", "torch", "xgboost"}
)

#: Modules of the official program: it finds its own first.
OFFICIAL_MODULES = frozenset({"datasets", "systematics", "derived_quantities", "ingestion", "visualization"})

#: Version of Python in the official image.
PYTHON = (3, 10)

#: Seconds that a pseudo-experiment of the final phase may take: 10,000 of them, 30 processes, two hours.
MOST_SECONDS = 2 * 3600 * 30 / 10_000


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
            if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith((".", *NOT_UPLOADED)):
                member = zipfile.ZipInfo(file.relative_to(PROJECT).as_posix(), date_time=(2025, 1, 1, 0, 0, 0))
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
        ("no module named as one of the official program's", lambda: _check_names(names)),
        ("a run on simulated events, half a minute", lambda: _run(path)),
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
    useless = [name for name in names if "__pycache__" in name or PurePosixPath(name).name.startswith(".")]
    if useless:
        raise UploadError(f"the zip holds {useless[0]}, a cache or hidden file: leave such files out")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UploadError(f"the zip has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make its files smaller")
    return f"{len(names)} files, {size / 1e6:.1f} MB"


def _check_syntax(sources):
    for name, source in sources.items():
        try:
            ast.parse(source, name, feature_version=PYTHON)
        except SyntaxError as error:
            raise UploadError(
                f"{name}, line {error.lineno}: {error.msg}; the image has Python 3.10, which must be able to read it"
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise UploadError(f"{name} cannot be parsed ({error}): mend it") from error
    return f"{len(sources)} modules"


def _check_imports(sources):
    """Absolute imports may name the standard library, the image's packages, and modules of the zip."""
    own = {part.removesuffix(".py") for name in sources for part in PurePosixPath(name).parts}
    found = set()
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported = [node.module]
            else:
                continue
            for module in (module.split(".")[0] for module in imported):
                if module not in sys.stdlib_module_names | IMAGE_PACKAGES | own | OFFICIAL_MODULES:
                    raise UploadError(
                        f"{name}, line {node.lineno}, imports {module}, which the image does not have: do without, "
                        "or put its code into the zip"
                    )
                found |= {module} & IMAGE_PACKAGES
    return ", ".join(sorted(found)) or "the standard library"


def _check_names(names):
    for name in names:
        path = PurePosixPath(name)
        module = path.parts[0] if len(path.parts) > 1 else path.stem
        for taken in {module, path.stem if len(path.parts) == 2 else module} & OFFICIAL_MODULES:
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
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}: try it with `score`"]
        raise UploadError(said[-1].removeprefix("error: "))
    return done.stdout
