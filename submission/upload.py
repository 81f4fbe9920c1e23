"""The upload: a zip with what a submission needs and nothing else, and a check of it before Codabench makes one."""

import ast
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
    path = Path(path)
    files = [PROJECT / "model.py", *sorted((PROJECT / "submission").rglob("*"))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and file.name not in NOT_UPLOADED:
                member = zipfile.ZipInfo(file.relative_to(PROJECT).as_posix(), date_time=(2025, 1, 1, 0, 0, 0))
                member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(member, file.read_bytes())
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UploadError(
            f"{path} has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}: make the artifacts smaller"
        )
    return size


def verify(path):
    """Check a zip as Codabench would run it.

    Arguments:
        path: the zip.

    Yields:
        a line of text per check that is passed.

    Raises:
        UploadError: the first check that fails.
    """
    path = Path(path)
    if not path.is_file():
        raise UploadError(f"no such file: {path}; `python -m submission build` makes one")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_size(members)
            sources = {member.filename: archive.read(member) for member in members if member.filename.endswith(".py")}
    except UploadError:
        raise
    except Exception as error:  # of the many kinds that damaged and encrypted archives give
        raise UploadError(f"{path} is no zip that can be read ({error}): pack it again") from error
    names = [member.filename for member in members]
    yield _check_files(path, names)
    yield _check_syntax(sources)
    yield _check_imports(sources)
    yield _check_names(names)
    yield _run(path)


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
        raise UploadError(f"the zip has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f}")
    return f"model.py at the root; {len(names)} files, {size / 1e6:.1f} MB"


def _check_syntax(sources):
    for name, source in sources.items():
        try:
            ast.parse(source, name, feature_version=PYTHON)
        except SyntaxError as error:
            raise UploadError(f"{name}, line {error.lineno}: {error.msg}; the image has Python 3.10") from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise UploadError(f"{name} cannot be parsed ({error}): mend it") from error
    return f"{len(sources)} modules parse as Python {PYTHON[0]}.{PYTHON[1]}"


def _check_imports(sources):
    """Absolute imports may name the standard library, the image's packages, and modules of the zip."""
    own = {part.removesuffix(".py") for name in sources for part in PurePosixPath(name).parts}
    found = set()
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported = [node.module]
            else:
                continue
            for module in (module.split(".")[0] for module in imported):
                if module not in sys.stdlib_module_names | IMAGE_PACKAGES | own | OFFICIAL_MODULES:
                    raise UploadError(f"{name}, line {node.lineno}, imports {module}, which the image does not have")
                found |= {module} & IMAGE_PACKAGES
    return f"imports only what the image has ({', '.join(sorted(found)) or 'the standard library'})"


def _check_names(names):
    for name in names:
        path = PurePosixPath(name)
        module = path.parts[0] if len(path.parts) > 1 else path.stem
        for taken in {module, path.stem if len(path.parts) == 2 else module} & OFFICIAL_MODULES:
            raise UploadError(f"{name}: the official program has a module {taken} and finds its own first; rename it")
    return "no clash with the official program's modules"


def _run(path):
    """Unpack, fit, pickle to two spawned workers, predict twice, write JSON: in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        events, output = Path(folder, "events"), Path(folder, "output")
        challenge = [sys.executable, "-m", "ingestion_test"]
        _call([*challenge, "simulate", "--size", "small", "--seed", "1", "--workers", "1", "--output", str(events)])
        run = ["score", "--submission", str(path.resolve()), "--data", str(events), "--output", str(output)]
        said = _call([*challenge, *run, "--sets", "1", "--experiments", "2", "--workers", "2"])
    seconds = said.split("pseudo-experiment\n")[-1].split("\n")[0].split()[-1]
    return f"fitted, pickled to 2 spawned processes, predicted 2 pseudo-experiments ({seconds} s each), wrote JSON"


def _call(command):
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [
            f"the run ended with exit code {done.returncode}: try it with `score`"
        ]
        raise UploadError(said[-1].removeprefix("error: "))
    return done.stdout
