"""The built-in simulation: challenge events of the four processes from four-vectors, any number of them from a seed."""

from .cache import cached_folder
from .command import add_arguments, run
from .sample import SIZES, simulate
from .writer import write_folder

__all__ = ["SIZES", "add_arguments", "cached_folder", "run", "simulate", "write_folder"]
