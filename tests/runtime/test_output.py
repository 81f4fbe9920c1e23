"""The output folder of a run."""

import errno

import pytest

from runtime.errors import ChallengeError
from runtime.output import output_folder


def test_the_folder_is_made_and_rid_of_what_a_kill_left(tmp_path):
    output = tmp_path / "a" / "b"
    output.mkdir(parents=True)
    (output / ".result.json.7.part").touch()
    with output_folder(str(output)):
        assert [path.name for path in output.iterdir()] == [".lock"]


def test_one_run_at_a_time(tmp_path):
    with (
        output_folder(tmp_path),
        pytest.raises(ChallengeError, match=f"another run is writing to {tmp_path}; choose another --output"),
        output_folder(tmp_path),
    ):
        pass
    with output_folder(tmp_path):
        pass


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "FOLDER/a"),
            "cannot write to FOLDER: No space left on device",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "cannot write to FOLDER: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "/data/x cannot be used (Permission denied)"),
        (MemoryError("3 GiB"), "memory ran out (3 GiB): use fewer --workers"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory ran out"),
        (OSError(errno.EMFILE, "Too many open files", "FOLDER/a"), "too many files are open"),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "there are too many processes"),
        (RuntimeError("can't start new thread"), "there are too many processes"),
        (RuntimeError("DefaultCPUAllocator: you tried to allocate 9 bytes"), "memory ran out"),
    ],
)
def test_what_goes_wrong_there_is_one_line(error, text, tmp_path):
    if getattr(error, "filename", None):
        error.filename = error.filename.replace("FOLDER", str(tmp_path))
    with pytest.raises(ChallengeError) as raised, output_folder(tmp_path):
        raise error
    assert str(raised.value).startswith(text.replace("FOLDER", str(tmp_path)))
    assert str(raised.value).endswith("(what is done is kept: --resume continues)")


def test_what_is_said_of_the_work_that_is_done(tmp_path):
    with pytest.raises(ChallengeError, match=r"memory ran out .* sample$"), output_folder(tmp_path, kept=""):
        raise MemoryError


@pytest.mark.parametrize("error", [ChallengeError("no such column"), RuntimeError("singular matrix"), KeyError("mu")])
def test_other_errors_pass(error, tmp_path):
    with pytest.raises(type(error)) as raised, output_folder(tmp_path):
        raise error
    assert raised.value is error
