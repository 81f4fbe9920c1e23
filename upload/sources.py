"""The Python modules of a zip: whether the image's Python can read them, and has what they import."""

from __future__ import annotations

import ast
import io
import sys
import token
import tokenize
from collections.abc import Iterator, Mapping
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
            ast.parse(source, name, feature_version=image.PYTHON)
            _check_f_strings(name, source)
        except SyntaxError as error:
            raise ChallengeError(
                f"{name}, line {error.lineno}: {error.msg}; the image has Python {_VERSION}, which must be able to "
                "read it"
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise ChallengeError(f"{name} cannot be parsed ({error}): mend it") from error
    return f"{len(sources)} modules"


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

    What is tried, with ImportError excepted, may be missing.

    Arguments:
        sources: contents by name; `check_syntax` has passed.

    Returns:
        names of the packages that are imported.

    Raises:
        ChallengeError: names module, line and what it imports.
    """
    in_the_zip = {part.removesuffix(".py") for name in sources for part in PurePosixPath(name).parts}
    known = image.STANDARD_LIBRARY | image.PACKAGES | image.DEPENDENCIES | official_modules() | in_the_zip
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
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try) and _excepts_imports(node)]
    tried = {node for statement in tries for part in statement.body for node in ast.walk(part)}
    for node in ast.walk(tree):
        if node in tried:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def _excepts_imports(statement: ast.Try) -> bool:
    """Whether a `try` goes on where a module is missing."""
    kinds = [handler.type or ast.Name("Exception") for handler in statement.handlers]
    names = {node.id for kind in kinds for node in ast.walk(kind) if isinstance(node, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
