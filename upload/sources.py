"""The Python modules of a zip: whether the image's Python can read them, and has what they import."""

from __future__ import annotations

import ast
import collections
import io
import sys
import token
import tokenize
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from ingestion_test.submissions import official_modules
from runtime.errors import ChallengeError

from . import image

_VERSION = ".".join(map(str, image.PYTHON))


def check_syntax(sources: Mapping[str, bytes]) -> str:
    """Refuse what the image's Python cannot read.

    Arguments:
        sources: contents by name.

    Returns:
        what was seen.

    Raises:
        ChallengeError: names module, line and reason.
    """
    for name, source in sources.items():
        try:
            tree = ast.parse(source, name, feature_version=image.PYTHON)
            _check_stars(name, source, tree)
            _check_f_strings(name, source)
        except SyntaxError as error:
            raise ChallengeError(
                f"{name}, line {error.lineno}: {error.msg}; the image has Python {_VERSION}, which must be able to "
                "read it"
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise ChallengeError(f"{name} cannot be parsed ({error}): mend it") from error
    return f"{len(sources)} modules"


def _check_stars(name: str, source: bytes, tree: ast.Module) -> None:
    """Stars where Python 3.11 takes them and 3.10 does not, of which ast does not tell."""
    text = source.decode(errors="replace")  # as far as it matters here
    for node in ast.walk(tree):
        index = node.slice if isinstance(node, ast.Subscript) else None
        if isinstance(index, ast.Tuple) and any(isinstance(item, ast.Starred) for item in index.elts):
            if not (ast.get_source_segment(text, index) or "").startswith("("):
                raise SyntaxError("a star in an index", (name, index.lineno, 0, text))
        elif isinstance(node, ast.arg) and isinstance(node.annotation, ast.Starred):
            raise SyntaxError("a star in an annotation", (name, node.lineno, 0, text))


def _check_f_strings(name: str, source: bytes) -> None:
    """What Python 3.12 and later take within the braces of f-strings and 3.10 does not; ast tells older ones of it."""
    if sys.version_info < (3, 12):
        return
    # mypy reads this for an older Python.
    quotes: list[str] = []  # type: ignore[unreachable]  # of the f-strings that a token lies in
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


def check_imports(sources: Mapping[str, bytes]) -> str:
    """Refuse absolute imports other than of the standard library, the image's packages, and modules of the zip.

    What is tried, with ImportError excepted, may be missing, and so may what the image's Python does not come to.

    Arguments:
        sources: contents by name; `check_syntax` has passed.

    Returns:
        names of the packages that are imported.

    Raises:
        ChallengeError: names module, line and what it imports.
    """
    in_the_zip = {part.removesuffix(".py") for name in sources for part in PurePosixPath(name).parts}
    known = (
        {"__main__"} | image.STANDARD_LIBRARY | image.PACKAGES | image.DEPENDENCIES | official_modules() | in_the_zip
    )
    packages: set[str] = set()
    for name, source in sources.items():
        for line, module in imports(ast.parse(source)):
            if module not in known:
                raise ChallengeError(
                    f"{name}, line {line}, imports {module}, which the image does not have: do without, or put its "
                    "code into the zip"
                )
            packages |= {module} & image.PACKAGES
    return ", ".join(sorted(packages)) or "the standard library"


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and top-level name of what a module imports absolutely and cannot do without."""
    spared = dead(tree)
    for node in ast.walk(tree):
        if (isinstance(node, ast.Try) and _excepts_imports(node)) or (
            isinstance(node, ast.With) and suppressed(node) & _OF_IMPORTS
        ):
            spared |= _all_within(node.body)
    for node in ast.walk(tree):
        if node in spared:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


#: What a missing module raises.
_OF_IMPORTS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _excepts_imports(statement: ast.Try) -> bool:
    """Whether a `try` goes on where a module is missing."""
    kinds = [handler.type or ast.Name("Exception") for handler in statement.handlers]
    names = {node.id for kind in kinds for node in ast.walk(kind) if isinstance(node, ast.Name)}
    return bool(names & _OF_IMPORTS)


def suppressed(statement: ast.With) -> set[str]:
    """Names of the exceptions that `with suppress(...)` suppresses."""
    calls = [item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call)]
    calls = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == "suppress"]
    return {node.id for call in calls for kind in call.args for node in ast.walk(kind) if isinstance(node, ast.Name)}


def dead(tree: ast.Module) -> set[ast.AST]:
    """Nodes that a submission in the image never comes to, as the conditions above them tell."""
    nodes: set[ast.AST] = set()
    for node in ast.walk(tree):
        answer = answered(node.test) if isinstance(node, (ast.If, ast.IfExp)) else None
        if answer is not None:
            assert isinstance(node, (ast.If, ast.IfExp))
            part = node.orelse if answer else node.body
            nodes |= _all_within(part if isinstance(part, list) else [part])
    return nodes


#: What a condition is made of that can be answered, and its names in a module of a submission.
_ANSWERED = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Not, ast.boolop, ast.cmpop, ast.Constant, ast.Name, ast.Load)
_ANSWERED += (ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple)
_Version = collections.namedtuple("_Version", "major minor micro releaselevel serial")
_VERSION_INFO = _Version(*image.PYTHON, 12, "final", 0)
_VALUES = {
    "sys": types.SimpleNamespace(version_info=_VERSION_INFO),
    "version_info": _VERSION_INFO,
    "typing": types.SimpleNamespace(TYPE_CHECKING=False),
    "TYPE_CHECKING": False,
    "__name__": "model",
    "__builtins__": {},
}


def answered(condition: ast.expr) -> bool | None:
    """What a condition is in the image; None if that cannot be told."""
    if not all(isinstance(node, _ANSWERED) for node in ast.walk(condition)):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            return bool(eval(compile(ast.Expression(condition), "condition", "eval"), dict(_VALUES)))
    except Exception:
        return None


def _all_within(nodes: Sequence[ast.AST]) -> set[ast.AST]:
    return {inner for node in nodes for inner in ast.walk(node)}
