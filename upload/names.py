"""Names of modules that the image's versions do not have, though the versions at hand may.

What is looked at are names that are imported, and names that follow a module after a dot. Methods of objects, arguments
of functions and names that are computed cannot be known without a run.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import ChallengeError

from . import image
from .sources import answered, dead, imports, suppressed

#: Public names of modules and some classes of the image's versions, as `tests/upload/image_names.py` writes them.
NAMES_FILE = Path(__file__).with_name("image_names.json")


@dataclass(frozen=True)
class Use:
    """A name of a module that a source uses.

    Arguments:
        file: the source.
        line: in it.
        module: dotted name of the module, or of a class.
        name: what is taken from it.
    """

    file: str
    line: int
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def check_names(sources: Mapping[str, bytes]) -> str:
    """Refuse names of the standard library, numpy and pandas that the image's versions do not have.

    What a `try` or a comparison of versions guards, or what a source asks for by `hasattr`, may be missing.

    Arguments:
        sources: contents by name, which `sources.check_syntax` has passed.

    Returns:
        what was seen, and what only a run with the image's versions can tell.

    Raises:
        ChallengeError: names module, line and name.
    """
    missing_here = []
    for use in (use for file, source in sources.items() for use in uses(file, source)):
        if use.name not in image_names()[use.module]:
            raise ChallengeError(
                f"{use.file}, line {use.line}, uses {use}, which the image does not have "
                f"({_version(use.module)}): do without it, or guard it with try"
            )
        if not _is_here(use):
            missing_here.append(str(use))
    if missing_here:
        return (
            f"{', '.join(sorted(set(missing_here)))} not in the versions of this machine, where the run below will fail"
        )
    imported = {module for source in sources.values() for _, module in imports(ast.parse(source))}
    unknown = sorted(imported & image.PACKAGES - image.VERSIONS.keys())
    names = f" and names of {', '.join(unknown)}" if unknown else ""
    return f"methods of objects{names} are not looked at"


@functools.cache
def image_names() -> dict[str, frozenset[str]]:
    """Public names by dotted name of the module or class."""
    content = json.loads(NAMES_FILE.read_text(encoding="utf-8"))
    return {module: frozenset(names.split()) for module, names in content.items()}


def uses(file: str, source: bytes) -> Iterator[Use]:
    """What a source takes from modules whose names are known."""
    tree = ast.parse(source)
    guarded = _guarded(tree)
    asked_for = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if node not in guarded:
                    yield from _parts(file, node.lineno, alias.name)
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                aliases[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node not in guarded:
                yield from _parts(file, node.lineno, node.module)
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if node not in guarded and alias.name not in asked_for:
                    yield from _if_known(Use(file, node.lineno, node.module, alias.name))
    names = _bound(tree) | set(aliases)
    for name in _bound(tree):  # an argument, say, that hides a module
        aliases.pop(name, None)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names and node not in guarded and hasattr(builtins, node.id):
            yield from _if_known(Use(file, node.lineno, "builtins", node.id))
        if isinstance(node, ast.Attribute) and node not in guarded and node.attr not in asked_for:
            place = _dotted(node.value, aliases)
            if place is not None:
                yield from _if_known(Use(file, node.lineno, place, node.attr))


def _parts(file: str, line: int, module: str) -> Iterator[Use]:
    """What an import of a module takes from the packages that it lies in."""
    names = module.split(".")
    for number in range(1, len(names)):
        yield from _if_known(Use(file, line, ".".join(names[:number]), names[number]))


def _if_known(use: Use) -> Iterator[Use]:
    if use.module in image_names() and not use.name.startswith("_") and use.name != "*":
        yield use


def _dotted(node: ast.expr, aliases: Mapping[str, str]) -> str | None:
    """The dotted name that an expression stands for; None if it is no name of a module."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id)
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, aliases)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _bound(tree: ast.Module) -> set[str]:
    """Names that a source gives to something else than a module."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return names | {
        node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }


def _guarded(tree: ast.Module) -> set[ast.AST]:
    """Nodes that are run only where a name is there, or that may fail."""
    guarded = dead(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and node.handlers:
            guarded |= {inner for part in [*node.body, *node.handlers] for inner in ast.walk(part)}
        suppresses = isinstance(node, ast.With) and suppressed(node)
        if suppresses or (isinstance(node, (ast.If, ast.IfExp)) and _asks_for_versions(node.test)):
            guarded |= set(ast.walk(node))
    return guarded


def _asks_for_versions(condition: ast.expr) -> bool:
    """Whether a condition that cannot be answered here is one of versions."""
    if answered(condition) is not None:
        return False
    names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(condition)}
    return bool(names & {"version_info", "__version__", "TYPE_CHECKING"})


def _version(module: str) -> str:
    package = module.partition(".")[0]
    return image.VERSIONS.get(package, f"Python {'.'.join(map(str, image.PYTHON))}")


def _is_here(use: Use) -> bool:
    """Whether the versions of this machine have what a source uses."""
    try:
        importlib.import_module(str(use))
        return True
    except Exception:
        pass
    try:
        place, _, attribute = use.module.rpartition(".")
        try:
            owner = importlib.import_module(use.module)
        except ImportError:
            owner = getattr(importlib.import_module(place), attribute)
        return hasattr(owner, use.name)
    except Exception:
        return False
