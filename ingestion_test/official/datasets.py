"""The official module `datasets`: training and test events of a folder in the official format.

Source: docs/protocol.md#data-file, docs/protocol.md#train-set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from runtime.errors import ChallengeError

from ..sources import OfficialFolder
from .systematics import get_bootstrapped_dataset, get_systematics_dataset, systematics

__all__ = ["BlackSwan_public_dataset", "Data", "Neurips2024_public_dataset", "download_dataset", "test_set_settings"]

test_set_settings = None

#: Where the official functions look for the public data, from the working directory.
_PUBLIC = ("public_data", "public_data/input_data", "neurips2024_data", "data")


class Data:
    """The events of a folder.

    Arguments:
        input_dir: folder in the official format.
        test_size: rows of the file, its first ones, that are test events: a number, or a share of all.

    Attributes:
        total_rows, test_size: numbers of rows.
        metadata: content of the metadata file that is used.

    Raises:
        ValueError: `test_size` is neither.
        ChallengeError: as `OfficialFolder`.
    """

    def __init__(self, input_dir: str | os.PathLike[str], test_size: float = 0.3) -> None:
        self._source = OfficialFolder(input_dir)
        self.total_rows = self._source.total_rows
        self.metadata = {"total_rows": self.total_rows, "sum_weights": self._source.sum_weights}
        if isinstance(test_size, int):
            self.test_size = min(test_size, self.total_rows)
        elif isinstance(test_size, float) and 0 <= test_size <= 1:
            self.test_size = int(test_size * self.total_rows)
        else:
            raise ValueError(f"test_size must be an int or a float in [0, 1], not {test_size!r}")
        self._source.test_rows = self.test_size
        self._train_set: pd.DataFrame | None = None
        self._test_set: dict[str, pd.DataFrame] | None = None

    def __getstate__(self) -> None:
        raise TypeError("Data cannot be pickled, as it holds an open file")

    def load_train_set(self, train_size: Any = None, selected_indices: Any = None) -> None:
        """Load training events, as `OfficialFolder.train_set`."""
        self._train_set = self._source.train_set(train_size=train_size, selected_indices=selected_indices)

    def load_test_set(self) -> None:
        """Load the test events."""
        self._test_set = self._source.test_set()

    def get_train_set(self) -> pd.DataFrame | None:
        """The training events that were loaded, None before."""
        return self._train_set

    def get_test_set(self) -> dict[str, pd.DataFrame] | None:
        """The test events that were loaded, a DataFrame for each process, None before."""
        return self._test_set

    def delete_train_set(self) -> None:
        """Forget the training events; `get_train_set` is an AttributeError until others are loaded."""
        del self._train_set

    def get_syst_train_set(self, **arguments: Any) -> pd.DataFrame:
        """The training events as `systematics` shifts them; they are loaded if need be."""
        if self._train_set is None:
            self.load_train_set()
        shifted: pd.DataFrame = systematics(self._train_set, **arguments)
        return shifted

    def generate_psuedo_exp_data(
        self,
        set_mu: float = 1,
        tes: float = 1.0,
        jes: float = 1.0,
        soft_met: float = 0.0,
        ttbar_scale: float | None = None,
        diboson_scale: float | None = None,
        bkg_scale: float | None = None,
        seed: int = 42,
    ) -> dict[str, Any]:
        """The test set of a pseudo-experiment, from the test events that were loaded."""
        if self._test_set is None:
            raise ChallengeError("no test events are loaded: call load_test_set() first")
        events = get_bootstrapped_dataset(self._test_set, set_mu, seed, ttbar_scale, diboson_scale, bkg_scale)
        return get_systematics_dataset(events, tes, jes, soft_met)


def download_dataset(input_str: str = "neurips2024_data") -> Data:
    """The events of a folder of that name, or of the public data, below the working directory; nothing is downloaded.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    for folder in (input_str, *_PUBLIC):
        if any(Path(folder).glob("*.parquet")):
            return Data(folder)
    raise FileNotFoundError(
        f"no public data in {Path.cwd()}: submissions have no network; load https://zenodo.org/records/15131565 into "
        "public_data"
    )


def Neurips2024_public_dataset() -> Data:
    """As `download_dataset`."""
    return download_dataset()


def BlackSwan_public_dataset() -> Data:
    """As `download_dataset`."""
    return download_dataset("blackSwan_data")
