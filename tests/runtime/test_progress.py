"""How far a long step is, on a terminal and without one."""

import io
import sys

from runtime.progress import followed


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_ten_lines_where_no_terminal_listens(capsys):
    assert list(followed(iter(range(20)), 20, "simulating", "block")) == list(range(20))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"... simulating: {done}/20 blocks" for done in range(2, 21, 2)]


def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert list(followed([1, 2], 2, "simulating", "block")) == [1, 2]
    assert "simulating: 100%" in terminal.getvalue()
    assert "..." not in terminal.getvalue()
