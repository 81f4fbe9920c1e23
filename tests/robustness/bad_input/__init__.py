"""Malformed inputs of every kind that a user can hand to the project, and what becomes of them.

A door is a place where something comes in from outside. Behind each, whatever comes in, the command works as documented
or ends with one line that begins with "error:" and exit code 2: no traceback, no hang, no file touched outside its
output folder. `tests/robustness/test_bad_input.py` tries some inputs at each door, `python -m tests.robustness.fuzz` as
many as one likes.
"""
