"""Files are whole or not there."""

import json
import os

import pytest

from runtime.errors import ChallengeError
from runtime.files import parsed_json, read_json, remove_unfinished, replaced, sync, write_json


@pytest.mark.parametrize(("mode", "content"), [("w", "μ\n"), ("wb", b"\xff\x00")])
def test_a_file_is_replaced(mode, content, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replaced(path, mode) as file:
        file.write(content)
        assert path.read_text() == "old"
    assert path.read_bytes() == (content.encode() if mode == "w" else content)
    assert list(tmp_path.iterdir()) == [path]


def _fail_to_replace(path, error):
    with replaced(path) as file:
        file.write("new")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file(error, tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(error):
        _fail_to_replace(tmp_path / "file", error)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_what_is_replaced_was_flushed_to_the_disk_before(tmp_path, monkeypatch):
    """First the content, then the name, then the folder that holds the name."""
    steps, paths = [], {}
    originals = os.fsync, os.replace

    def fsync(descriptor):
        steps.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))))
        originals[0](descriptor)

    def replace(origin, target):
        paths["unfinished"] = os.path.basename(origin)
        steps.append(("replace", os.path.basename(target)))
        originals[1](origin, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_json(tmp_path / "file", 1)
    assert steps == [("fsync", paths["unfinished"]), ("replace", "file"), ("fsync", tmp_path.name)]


def test_unfinished_files_are_removed_and_no_others(tmp_path):
    (tmp_path / "deep").mkdir()
    kept = [tmp_path / name for name in ("a.1.part", ".a.part", ".a.x.part", "deep/.hidden")]
    for path in (*kept, tmp_path / ".a.json.12.part", tmp_path / "deep" / ".b.3.part"):
        path.touch()
    (tmp_path / ".folder.1.part").mkdir()
    remove_unfinished(tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(kept)


def test_json_and_back(tmp_path):
    content = {"mu": 0.1, "list": [1, None, "μ"]}
    write_json(tmp_path / "file", content)
    assert read_json(tmp_path / "file") == content == json.loads((tmp_path / "file").read_text())


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nonsense"])
def test_what_is_no_json(text, tmp_path):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"line 1|nested too deeply"):
        parsed_json(path)
    with pytest.raises(ChallengeError, match=rf"{path} cannot be read .*: remove it and go on with --resume"):
        read_json(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no regular file"):
        parsed_json(tmp_path / "pipe")
    with pytest.raises(ChallengeError, match="No such file"):
        read_json(tmp_path / "nowhere")


def test_what_cannot_be_flushed_is_an_error_unless_the_file_system_cannot(tmp_path, monkeypatch):
    for number, raised in ((22, False), (5, True)):

        def fsync(_, number=number):
            raise OSError(number, "no")

        monkeypatch.setattr(os, "fsync", fsync)
        if raised:
            with pytest.raises(OSError, match="no"):
                sync(tmp_path)
        else:
            sync(tmp_path)
