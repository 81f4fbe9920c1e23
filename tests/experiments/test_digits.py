"""The digits: reading, dequantisation, and a small run from end to end."""

import gzip
import json
import struct

import numpy as np
import pytest

from experiments import __main__
from experiments.digits import command, images
from experiments.digits.config import DigitsConfig
from runtime.errors import ChallengeError


def idx(array):
    """The array of unsigned bytes as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture(params=["plain", "gzip"])
def mnist_folder(tmp_path, request):
    """A folder as MNIST's, with 28 x 28 images of noise: 40 per digit to train on, 10 to test."""
    rng = np.random.default_rng(0)
    for part, each in (("train", 40), ("test", 10)):
        labels = np.repeat(np.arange(10), each)
        pixels = rng.integers(0, 256, (len(labels), 28, 28))
        for name, array in zip(images.FILES[part], (pixels, labels)):
            if request.param == "gzip":
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def test_idx_files_are_read(mnist_folder):
    digits = images.mnist(mnist_folder)
    raw = images.read_idx(mnist_folder, "train-images-idx3-ubyte")
    assert raw.shape == (400, 28, 28)
    assert digits.train.shape == (400, 14, 14)
    assert digits.train[3, 0, 1] == pytest.approx(raw[3, :2, 2:4].mean())
    assert digits.test_label.tolist() == np.repeat(np.arange(10), 10).tolist()
    assert digits.levels == 256


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x08", b"PNG and more", idx(np.zeros((3, 4, 4)))[:-1]])
def test_broken_idx_file_is_named(tmp_path, content):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(ChallengeError, match="images cannot be read as an IDX file"):
        images.read_idx(tmp_path, "images")
    (tmp_path / "images").unlink()
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(np.zeros((3, 4, 4))))[:-5])
    with pytest.raises(ChallengeError, match=r"images\.gz cannot be read as an IDX file"):
        images.read_idx(tmp_path, "images")


def test_missing_data_are_named(tmp_path, capsys):
    arguments = ["digits", "--preset", "smoke", "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    assert __main__.main(arguments) == 2
    assert "holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz" in capsys.readouterr().err


def test_files_that_do_not_belong_together(mnist_folder):
    for path in mnist_folder.glob("t10k-labels*"):
        path.unlink()
    (mnist_folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(7)))
    with pytest.raises(ChallengeError, match="do not belong together"):
        images.mnist(mnist_folder)


def test_dequantisation_fills_each_level_evenly_and_can_be_undone():
    levels = np.tile(np.arange(17), (5000, 1)).reshape(5000, 1, 17)
    x = images.to_logits(levels, 17, np.random.default_rng(1))
    v = images.from_logits(x)
    np.testing.assert_array_equal(np.floor(17 * v).astype(int), levels.reshape(5000, 17))
    rest = 17 * v - levels.reshape(5000, 17)
    assert rest.mean() == pytest.approx(0.5, abs=0.01)
    assert rest.std() == pytest.approx(12**-0.5, abs=0.01)
    assert np.isfinite(x).all()


def test_validation_rows_come_from_images_of_their_own():
    digits = images.small_digits()
    config = DigitsConfig(copies=3)
    rows = images.training_rows(digits, 5, config, np.random.default_rng(2))
    pixels = digits.train[digits.train_label == 5].reshape(-1, 64)
    assert len(rows) == 3 * len(pixels)
    back = np.floor(17 * images.from_logits(rows) + 1e-9)
    first = {tuple(row) for row in back[: int(0.8 * len(rows))]}
    last = {tuple(row) for row in back[int(0.8 * len(rows)) + 3 :]}
    assert not first & last
    assert first | last <= {tuple(row) for row in pixels}


@pytest.mark.slow
def test_smoke_run_writes_all_results(tmp_path, shown):
    page = tmp_path / "docs" / "digits.md"
    page.parent.mkdir()
    page.write_text("<!-- accepted -->\n<!-- /accepted -->\n")
    arguments = ["digits", "--preset", "smoke", "--output", str(tmp_path / "out"), "--docs", str(page.parent)]
    assert __main__.main(arguments) == 0
    assert "scikit-learn's digits" in shown()
    result = json.loads((tmp_path / "out" / "digits.json").read_text())
    assert command.sections(result)["accepted"] in page.read_text()
    assert [(f["digit"], f["against"], f["c"]) for f in result["flows"]] == [tuple(flow) for flow in command.FLOWS]
    assert all(0 <= f["accepted_of_digit"] <= 1 for f in result["flows"])
    for figure in ("samples", "0-against-6", "8-against-0", "9-against-4"):
        assert (tmp_path / "docs" / "digits" / f"{figure}.png").stat().st_size > 1000


@pytest.mark.slow
def test_smoke_run_on_idx_files(mnist_folder, capsys):
    arguments = ["digits", "--preset", "smoke", "--output", str(mnist_folder / "out")]
    assert __main__.main([*arguments, "--data", str(mnist_folder)]) == 0
    assert "MNIST (14 pixels wide)" in capsys.readouterr().out
    assert __main__.main(arguments) == 2
    assert "holds other results (images differ)" in capsys.readouterr().err
