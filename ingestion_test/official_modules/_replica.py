"""Where the modules beside this one come from: this project, which is not on the search path of a submission."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

_PROJECT = Path(__file__).resolve().parents[2]

#: Modules by the names under which official modules have them.
_IMPORTED_THERE = {"np": "numpy", "pd": "pandas", "os": "os", "json": "json", "copy": "copy", "logging": "logging"}

#: The room that `ingestion_test` imports from; a submission may have a module of this name.
_ROOM = "runtime"


def publish(namespace: dict, module: str) -> None:
    """Put the public names of a module of this project into that of the official module.

    Its functions and classes are said to be at home there, so that processes which a submission starts find them.
    """
    with _project_found():
        source = importlib.import_module(module)
    # `from systematics import *` of a submission also counts on what the official module has imported.
    for name in set(_IMPORTED_THERE) - set(source.__all__):
        namespace[name] = importlib.import_module(_IMPORTED_THERE[name])
    for name in source.__all__:
        value = namespace[name] = getattr(source, name)
        if getattr(value, "__module__", "").startswith("ingestion_test."):
            value.__module__ = namespace["__name__"]
    namespace["__all__"] = sorted({*source.__all__, *_IMPORTED_THERE})


@contextlib.contextmanager
def _project_found() -> Iterator[None]:
    """Have imports find this project, which a process that a submission has started has lost."""
    before = _modules_of_the_room()
    is_ours = bool(before) and Path(getattr(before[_ROOM], "__file__", None) or "").is_relative_to(_PROJECT)
    if not is_ours:
        _forget(before)
    sys.path.insert(0, str(_PROJECT))
    try:
        yield
    finally:
        sys.path.remove(str(_PROJECT))
        if not is_ours:
            _forget(_modules_of_the_room())
            sys.modules.update(before)


def _modules_of_the_room() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == _ROOM}


def _forget(modules: dict[str, ModuleType]) -> None:
    for name in modules:
        del sys.modules[name]
