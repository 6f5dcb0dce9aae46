"""What the pages say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from docs.generate import PAGE, page
from shared.errors import Code

ROOT = Path(__file__).resolve().parents[1]


def test_settings_page_is_current() -> None:
    """Every variable with its default is on the page: run `make docs` where this fails."""
    assert PAGE.read_text() == page()


def test_every_code_is_explained() -> None:
    """The closed list of failure codes and the page about them are the same."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    assert rows == [code.value for code in Code]


def test_links_lead_somewhere() -> None:
    """No page points to a file that isn't there."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    broken = [
        f"{file.name}: {target}"
        for file in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text())
        if not (file.parent / target).exists()
    ]
    assert broken == []


def test_make_targets_in_the_readme_exist() -> None:
    """Every `make …` that the README or CONTRIBUTING tells one to type is in the Makefile."""
    targets = set(re.findall(r"^([a-z][a-z-]*[a-z0-9]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {
        name
        for file in ("README.md", "CONTRIBUTING.md")
        for name in re.findall(r"(?:^\$ |`)make ([a-z][a-z0-9-]*)", (ROOT / file).read_text(), re.MULTILINE)
    }
    assert told <= targets
