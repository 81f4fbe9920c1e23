"""The code in the pages, for tests that run it."""

import re
from pathlib import Path


def blocks(page: Path) -> list[str]:
    """The blocks of Python of a page, each preceded by blank lines so that errors name lines of the page."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return ["\n" * text.count("\n", 0, block.start(1)) + block[1] for block in found]
