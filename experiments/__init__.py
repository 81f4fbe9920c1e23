"""The paper's studies and comparisons: `python -m experiments COMMAND`."""
