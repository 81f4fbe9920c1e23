"""The output folder of a run."""

import errno

import pytest

from runtime.errors import ChallengeError, Interruption
from runtime.output import new_folder, output_folder


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
        (FileExistsError(errno.EEXIST, "File exists", "FOLDER"), "cannot write to FOLDER: File exists; choose another"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "/data/x cannot be used (Permission denied)"),
        (OSError(errno.EROFS, "Read-only file system", "/"), "cannot write to FOLDER: Read-only file system"),
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


def _leave_a_stage(folder, error):
    (folder / "flows.npz").touch()
    raise error


@pytest.mark.parametrize("error", [MemoryError(), ChallengeError("no such column"), KeyboardInterrupt()])
def test_an_error_knows_the_folder_of_what_is_kept(error, tmp_path):
    expected = (ChallengeError, KeyboardInterrupt)
    with pytest.raises(expected) as raised, output_folder(tmp_path):
        raise error
    assert getattr(raised.value, "kept_in", None) is None
    with pytest.raises(expected) as raised, output_folder(tmp_path):
        _leave_a_stage(tmp_path, error)
    assert raised.value.kept_in == tmp_path
    with pytest.raises(expected) as raised, output_folder(tmp_path, work=None):
        raise error.__class__
    assert getattr(raised.value, "kept_in", None) is None


def test_a_refusal_of_what_is_there_is_no_progress(tmp_path):
    (tmp_path / "flows.npz").touch()
    with pytest.raises(ChallengeError) as raised, output_folder(tmp_path):
        raise ChallengeError("of another configuration")
    assert raised.value.kept_in is None
    with pytest.raises(Interruption), output_folder(tmp_path):
        raise KeyboardInterrupt


def test_new_folders_of_the_same_second(tmp_path):
    folders = [new_folder(tmp_path / "runs", "score-1") for _ in range(3)]
    assert [folder.name for folder in folders] == ["score-1", "score-1-2", "score-1-3"]
    assert all(folder.is_dir() for folder in folders)
    (tmp_path / "file").touch()
    with pytest.raises(ChallengeError, match=r"no folder can be made in .*file .*name one with --output"):
        new_folder(tmp_path / "file", "score-1")


@pytest.mark.parametrize("error", [ChallengeError("no such column"), RuntimeError("singular matrix"), KeyError("mu")])
def test_other_errors_pass(error, tmp_path):
    with pytest.raises(type(error)) as raised, output_folder(tmp_path):
        raise error
    assert raised.value is error
