"""The pages that commands fill: a section is replaced, all else stays, and what cannot be done is said."""

import argparse

import pytest

from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError


def test_sections_are_replaced_and_files_copied(tmp_path):
    page = tmp_path / "results.md"
    page.write_text("before\n<!-- first -->\nold\n<!-- /first -->\nbetween\n<!-- second -->\n<!-- /second -->\nafter\n")
    (tmp_path / "figure.png").write_bytes(b"picture")
    publish(tmp_path, "results", {"second": "two", "first": "one"}, [tmp_path / "figure.png"])
    expected = (
        "before\n<!-- first -->\n\none\n<!-- /first -->\nbetween\n<!-- second -->\n\ntwo\n<!-- /second -->\nafter\n"
    )
    assert page.read_text() == expected
    assert (tmp_path / "results" / "figure.png").read_bytes() == b"picture"


def test_without_docs_nothing_is_done(tmp_path):
    publish(None, "results", {"first": "one"}, [tmp_path / "nowhere.png"])


def test_a_page_without_place_is_refused(tmp_path):
    with pytest.raises(ChallengeError, match="--docs takes the folder docs"):
        publish(tmp_path, "results", {"ablation": "text"}, [])
    (tmp_path / "results.md").write_text("nothing here\n")
    with pytest.raises(ChallengeError, match="no place for the section ablation"):
        publish(tmp_path, "results", {"ablation": "text"}, [])
    assert (tmp_path / "results.md").read_text() == "nothing here\n"


def test_a_page_is_not_replaced_where_a_file_that_it_shows_is_not_there(tmp_path):
    page = tmp_path / "results.md"
    page.write_text("<!-- first -->\nold\n<!-- /first -->\n")
    with pytest.raises(ChallengeError, match="cannot write"):
        publish(tmp_path, "results", {"first": "new"}, [tmp_path / "nowhere.png"])
    assert "old" in page.read_text()


def test_docs_is_a_folder_with_pages(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    add_docs_argument(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--docs", str(tmp_path)])
    assert "holds no pages; give the folder docs" in capsys.readouterr().err
    (tmp_path / "page.md").touch()
    assert parser.parse_args(["--docs", str(tmp_path)]).docs == tmp_path
