"""The pages that commands fill: a section is replaced, all else stays, and what cannot be done is said."""

import pytest

from runtime.documents import publish
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
