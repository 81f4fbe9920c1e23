"""Every command line: its help has a description and an example; what help and texts show parses. Nothing is run."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

#: Files with a parser.
SOURCES = [
    path
    for room in ("ingestion_test", "upload", "training", "measurement", "experiments", "benchmarks")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "ArgumentParser(" in path.read_text(encoding="utf-8")
] + [ROOT / "tests" / "robustness" / f"{name}.py" for name in ("fuzz", "kills", "same_results")]

#: A command line of this project: program and arguments.
COMMAND = re.compile(
    r"python3? (-m (?:ingestion_test|submission|upload|training|measurement|experiments|benchmarks|tests)\b\S*"
    r"|ingestion_test/run_\w+\.py)([^#&|]*)"
)


class _Found(Exception):
    """What a patched `parse_known_args`, which `parse_args` calls, raises: it has the parser."""


@pytest.fixture
def parser_of(monkeypatch):
    """Function from the name of a module with a `main` to its parser."""

    def parse_known_args(parser, *_):
        raise _Found(parser)

    def find(module):
        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_known_args", parse_known_args)
            with pytest.raises(_Found) as found:
                importlib.import_module(module).main()
        return found.value.args[0]

    return find


def _module(program):
    """Module of "-m NAME" or of the path of a script."""
    name = program.removeprefix("-m ").removesuffix(".py").replace("/", ".")
    return f"{name}.__main__" if (ROOT / name.replace(".", "/")).is_dir() else name


def _subparsers(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _subparsers(inner)


def _commands(text):
    """(program, arguments) of the command lines of this project in a line of code."""
    for program, arguments in COMMAND.findall(text):
        yield program, shlex.split(arguments)


def _code(text):
    """Lines of the blocks of code and pieces of code within the lines of a page."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    blocks += re.findall(r"^ {4}.+", rest, re.MULTILINE)
    for block in blocks:
        yield from block.replace("\\\n", " ").splitlines()
    for piece in re.findall(r"`([^`]+)`", rest):
        yield piece.replace("\n", " ")


def _exit_code(parser, arguments):
    try:
        parser.parse_args(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_help_has_an_example_that_parses(path, parser_of):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for parser in _subparsers(parser_of(name)):
        assert parser.description, parser.prog
        assert "\n" not in parser.description, parser.prog
        assert (parser.epilog or "").startswith(f"example: {parser.prog}"), parser.prog
        for program, arguments in _commands(parser.epilog):
            assert _exit_code(parser_of(_module(program)), arguments) == 0, parser.epilog


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_command_lines_in_texts_parse(path, parser_of, capsys):
    for line in _code(path.read_text(encoding="utf-8")):
        for program, arguments in _commands(line):
            # A command that is only named, without flags, may lack what it needs.
            named = not any(argument.startswith("-") for argument in arguments)
            code = _exit_code(parser_of(_module(program)), [*arguments, "--help"] if named else arguments)
            assert code == 0, f"{line}\n{capsys.readouterr().err}"
