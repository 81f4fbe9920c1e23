"""The command `higgsml`: its commands lead to the rooms' parsers, under its own name."""

import importlib

import pytest

import higgsml


@pytest.mark.parametrize("name", higgsml.COMMANDS)
def test_each_command_has_the_room_s_help(name, capsys):
    with pytest.raises(SystemExit) as end:
        higgsml.main([name, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: higgsml {name} ")
    assert f"\nexample: higgsml {name}" in shown
    assert "python -m" not in shown.split("example:")[1]


def test_arguments_and_exit_code_are_the_room_s(monkeypatch):
    calls = []
    for module in {module for module, _, _ in higgsml.COMMANDS.values()}:
        monkeypatch.setattr(
            importlib.import_module(module), "main", lambda arguments, program: calls.append((arguments, program)) or 2
        )
    assert higgsml.main(["score", "--sets", "3"]) == 2
    assert higgsml.main(["train", "all", "--resume"]) == 2
    assert calls == [(["score", "--sets", "3"], "higgsml"), (["all", "--resume"], "higgsml train")]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--sets"]])
def test_what_is_no_command_is_refused_in_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        higgsml.main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.count("error:") == 1


def test_the_help_names_all_commands(capsys):
    with pytest.raises(SystemExit):
        higgsml.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in higgsml.COMMANDS)
