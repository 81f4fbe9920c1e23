"""What goes wrong around the programs: kills, two runs in one folder, a full disk, no memory, damaged files."""

import contextlib
import ctypes
import os
import random
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from experiments import __main__ as experiments
from experiments.outputs import claim
from ingestion_test import cli, run_ingestion
from ingestion_test.ingestion import JOURNAL_FILE
from ingestion_test.simulation import cache, cached_folder
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from runtime.errors import ChallengeError
from runtime.files import remove_unfinished, write_json
from runtime.output import output_folder
from submission.throws import Throws
from tests.conftest import make_events, write_folder
from tests.robustness.kills import Killer, cases, random_kill, results
from tests.submissions import COMPLETE, good, predicting, write
from training import __main__ as training
from training.checkpoints import checkpointed, load_checkpoint
from training.config import PRESETS
from training.stages import Training

# Kills ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kills"), [("score", 1), ("simulate", 1), ("training", 1), ("table2-template-fit", 1)]
)
def test_a_killed_command_ends_with_the_same_files(name, kills, simulated_folder, tmp_path):
    """`python -m tests.robustness.kills` does this many times."""
    killer, chance = Killer(cases(simulated_folder, tmp_path)[name], tmp_path), random.Random(14)
    reference = killer.undisturbed()
    ends = killer.disturbed(reference, [random_kill(chance, reference) for _ in range(kills)])
    assert ends["killed"] > 0


def test_what_killed_processes_were_writing_is_removed(tmp_path):
    for name in (".result_0.json.123.part", "deep/.point.npz.45.part", ".own.part", "kept.123.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {".own.part", "kept.123.part"}


def test_what_a_killed_simulation_left_in_the_cache_is_removed(tmp_path):
    folder = tmp_path / f"simulation-{cache.generator_version()}-1000-seed0"
    leftover, neighbour = (tmp_path / f".{name}.part.abcd1234" for name in (f".{folder.name}", "other"))
    for path in (leftover, neighbour):
        (path / "folder").mkdir(parents=True)
    assert cached_folder(1000, cache_dir=tmp_path, workers=1) == folder
    assert not leftover.exists()
    assert neighbour.exists()


# Two runs in one folder ----------------------------------------------------------------------------------------------

_HOLDER = """
import sys
from runtime.output import output_folder
with output_folder({!r}):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def busy_folder(tmp_path_factory):
    """An output folder that another process is at."""
    folder = tmp_path_factory.mktemp("busy")
    command = [sys.executable, "-c", _HOLDER.format(str(folder))]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield folder
        process.stdin.close()


@pytest.mark.parametrize(
    ("main", "command"),
    [
        (cli.main, ["score", "--resume", "--submission", "SUBMISSION", "--data", "DATA"]),
        (training.main, ["all", "--preset", "smoke", "--resume", "--data", "DATA"]),
        (experiments.main, ["table2", "--preset", "smoke", "--resume", "--data", "DATA"]),
        (experiments.main, ["ablation", "--preset", "smoke", "--resume", "--data", "DATA"]),
        (experiments.main, ["final"]),
        (experiments.main, ["method", "--data", "DATA"]),
        (experiments.main, ["toy", "--preset", "smoke"]),
        (experiments.main, ["digits", "--preset", "smoke"]),
    ],
)
def test_a_second_run_in_the_same_folder_is_refused(main, command, busy_folder, data_folder, tmp_path, capsys):
    places = {"DATA": str(data_folder), "SUBMISSION": str(write(tmp_path, COMPLETE))}
    assert main([*(places.get(word, word) for word in command), "--output", str(busy_folder)]) == 2
    assert capsys.readouterr().err == f"error: another run is writing to {busy_folder}; choose another --output\n"
    assert [path.name for path in busy_folder.iterdir()] == [".lock"]


def test_the_official_script_replaces_no_run_that_is_going_on(busy_folder, data_folder, tmp_path, capsys):
    (busy_folder / JOURNAL_FILE).touch()
    flags = ["--input", str(data_folder), "--output", str(busy_folder), "--submission", str(write(tmp_path, COMPLETE))]
    assert run_ingestion.main([*flags, "--num-pseudo-experiments", "1", "--num-of-sets", "1"]) == 2
    assert "another run is writing to" in capsys.readouterr().err
    (busy_folder / JOURNAL_FILE).unlink()


@pytest.mark.slow
def test_a_second_simulation_into_the_same_folder_is_refused(tmp_path, capsys):
    command = [
        sys.executable,
        "-m",
        "ingestion_test",
        "simulate",
        "--size",
        "1000",
        "--output",
        str(tmp_path / "events"),
    ]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as first:
        while not list(tmp_path.glob(".events.????????")):
            assert first.poll() is None
        assert cli.main(command[3:]) == 2
        assert f"error: another run is writing to {tmp_path / 'events'}" in capsys.readouterr().err
        assert first.wait() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


# No room -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _files_of_at_most(size):
    """A limit on the size of files stands for a full disk: beyond it there is an OSError as well."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def _error(capsys):
    """The last line of what was said, if it is an error and no traceback is above it."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    last = text.splitlines()[-1]
    assert last.startswith("error: ")
    return last


@pytest.mark.slow
def test_a_score_on_a_full_disk_loses_nothing(data_folder, tmp_path, capsys):
    """At its limit at the journal, the test events, the fitted model, the report: each time it gets further."""
    large = COMPLETE["model.py"].replace('print("fitted")', "self.table = bytes(70_000)")
    folder, output = write(tmp_path / "submission", COMPLETE | {"model.py": large}), tmp_path / "full" / "out"
    flags = ["score", "--sets", "2", "--experiments", "2", "--workers", "2", "--submission", str(folder)]
    flags += ["--data", str(data_folder), "--output"]
    for limit, text in (
        (200, "cannot write to"),
        (10_000, "cannot write to"),
        (65_000, "raise the limit"),
        (75_000, "raise the limit"),
    ):
        with _files_of_at_most(limit):
            assert cli.main([*flags, str(output), "--resume"]) == 2
        assert text in _error(capsys), limit
    assert cli.main([*flags, str(output), "--resume"]) == 0
    assert cli.main([*flags, str(tmp_path / "whole" / "out"), "--workers", "1"]) == 0
    assert results(output) == results(tmp_path / "whole" / "out")


@pytest.mark.slow
def test_a_training_on_a_full_disk_loses_nothing(simulated_folder, smoke_training, tmp_path, capsys):
    flags = ["flows", "--preset", "smoke", "--data", str(simulated_folder), "--output", str(tmp_path), "--workers", "1"]
    small, large = ((smoke_training / "checkpoints" / f"flows-{jets}-jet.npz").stat().st_size for jets in (1, 2))
    with _files_of_at_most((small + large) // 2):
        assert training.main(flags) == 2
    assert "flows-2-jet.npz could not be written" in _error(capsys)
    assert [path.name for path in (tmp_path / "checkpoints").glob("*.npz")] == ["flows-1-jet.npz"]
    assert training.main([*flags, "--resume"]) == 0


def test_a_simulation_on_a_full_disk_leaves_nothing(tmp_path, capsys):
    flags = ["simulate", "--size", "1000", "--workers", "1", "--output", str(tmp_path / "events")]
    with _files_of_at_most(20_000):
        assert cli.main(flags) == 2
    assert "File too large; use another --output, or free space" in _error(capsys)
    assert list(tmp_path.iterdir()) == []
    assert cli.main(flags) == 0


def _without_privileges():
    """Take from root the right to write where permissions forbid it; the kernel drops it at the next exec."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


@pytest.mark.slow
@pytest.mark.parametrize("command", ["score", "simulate"])
def test_an_output_that_is_read_only(command, data_folder, tmp_path):
    flags = {"score": ["--data", str(data_folder)], "simulate": ["--size", "1000"]}[command]
    tmp_path.chmod(0o500)
    process = subprocess.run(
        [sys.executable, "-m", "ingestion_test", command, *flags, "--output", str(tmp_path / "out")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_without_privileges,
    )
    tmp_path.chmod(0o700)
    assert process.returncode == 2
    assert process.stderr.startswith(f"error: cannot write to {tmp_path}")
    assert "Permission denied" in process.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_checkout_that_is_read_only(simulated_folder, tmp_path):
    """Everything works with an --output and a cache elsewhere; without --output one line says what to do."""
    checkout, out = tmp_path / "checkout", tmp_path / "out"
    shutil.copytree(
        PROJECT, checkout, ignore=shutil.ignore_patterns(".*", "tests", "docs", "runs", "__pycache__"), symlinks=True
    )
    for folder in (*filter(Path.is_dir, checkout.rglob("*")), checkout):
        folder.chmod(0o500)

    def called(*arguments):
        return subprocess.run(
            [sys.executable, "-m", *arguments, "--data", str(simulated_folder)],
            cwd=checkout,
            env=os.environ | {"HIGGSML_CACHE": str(tmp_path / "cache"), "HIGGSML_FIT_MINUTES": "0"},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_without_privileges,
        )

    one = ("--sets", "1", "--experiments", "1")
    for name, command in {
        "score": ("ingestion_test", "score", *one),
        "page": ("measurement", "explain", "0:0", *one),
        "training": ("training", "flows", "--preset", "smoke"),
    }.items():
        process = called(*command, "--output", str(out / name))
        assert process.returncode == 0, process.stderr
        refused = called(*command)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: ")
        assert "--output" in refused.stderr
    assert (out / "score" / "detailed_results.html").exists()
    assert (out / "page" / "measurement.html").exists()
    assert not (checkout / "runs").exists()
    for folder in (checkout, *filter(Path.is_dir, checkout.rglob("*"))):
        folder.chmod(0o700)


# No memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allocate", [lambda: np.empty(1 << 60, np.uint8), lambda: torch.empty(1 << 60)])
def test_memory_that_runs_out_is_said_in_one_line(allocate, tmp_path, capsys):
    def command(_):
        with output_folder(tmp_path):
            allocate()

    assert cli.run_command(SimpleNamespace(command=command), "a test") == 2
    assert "memory ran out" in (error := _error(capsys))
    assert "fewer --workers" in error
    assert "is kept" not in error


@pytest.mark.slow
def test_a_worker_without_memory_loses_nothing(data_folder, tmp_path, capsys):
    """The second prediction of a process gets no more memory, until the file "mended" is there."""
    body = (
        "self.calls = getattr(self, 'calls', 0) + 1\n"
        f"        if self.calls == 2 and not os.path.exists({str(tmp_path / 'mended')!r}):\n"
        "            used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "            resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))\n"
        "            bytes(2**28)\n"
        "        " + good("float(test_set['data']['PRI_met'].mean())")
    )
    folder = write(tmp_path / "submission", predicting(body, head="import resource"))
    flags = ["score", "--sets", "2", "--experiments", "2", "--workers", "1", "--submission", str(folder)]
    flags += ["--data", str(data_folder), "--output", str(tmp_path / "out")]
    assert cli.main(flags) == 2
    error = _error(capsys)
    assert "Model.predict raised MemoryError" in error
    _, shown = error.split("; what is done is kept, this goes on: ")
    (tmp_path / "mended").touch()
    python, *rest = shlex.split(shown)
    assert Path(python).absolute() == Path(sys.executable)  # as short as it can be from this folder
    assert rest == ["-m", "ingestion_test", *flags, "--resume"]
    assert subprocess.run(shlex.split(shown), cwd=PROJECT, check=False).returncode == 0


# Damaged files -------------------------------------------------------------------------------------------------------


def _claimed(path):
    claim(path, {"preset": "smoke"}, resume=True)


def _loaded(path):
    load_checkpoint(path, Throws, "about")


def _resumed(path):
    checkpointed(path, "about", Throws, dict)


@pytest.mark.parametrize("content", [b"", b'{"preset": "smo', b"PK\x03\x04 and no more"])
@pytest.mark.parametrize("read", [_loaded, _resumed, _claimed])
def test_a_damaged_file_is_named_and_to_be_removed(read, content, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ChallengeError, match=rf"{path} cannot be read .*remove it"):
        read(path)


def test_an_empty_stage_is_named_and_made_anew(data_folder, tmp_path):
    # The stage flows of this preset has nothing to do.
    training_run = Training(PRESETS["no-flows"], OfficialFolder(data_folder), tmp_path)
    training_run.run("flows")
    content = training_run.path("flows").read_bytes()
    training_run.path("flows").write_bytes(b"")
    with pytest.raises(ChallengeError, match=r"flows\.npz cannot be read .*remove it and run the stage again"):
        training_run.summary("flows")
    training_run.path("flows").unlink()
    training_run.run("flows")
    assert training_run.path("flows").read_bytes() == content


def test_checkpoints_of_other_data_are_not_continued(data_folder, tmp_path):
    other = write_folder(tmp_path / "data", make_events(3000, seed=1))
    first, second = (
        Training(PRESETS["no-flows"], OfficialFolder(folder), tmp_path / "out") for folder in (data_folder, other)
    )
    first.run("flows")
    first.path("flows").unlink()  # as if it had been killed
    with pytest.raises(ChallengeError, match="checkpoints of the stage flows with another configuration, other data"):
        second.run("flows")


def test_a_failure_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "file", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "file", [1, object()])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["1\n"]
