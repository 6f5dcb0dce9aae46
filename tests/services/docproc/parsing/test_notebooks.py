"""Jupyter notebooks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.docproc.parsing import Heading
from shared.contracts.kinds import Kind
from tests.services.docproc.parsing.reading import Read

NOTEBOOK = "application/x-ipynb+json"
Cell = dict[str, Any]


def notebook(*cells: Cell, language: str = "python") -> bytes:
    """In version 4 of the format."""
    metadata = {"language_info": {"name": language}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()


def code(source: str | list[str], *outputs: Cell) -> Cell:
    return {"cell_type": "code", "source": source, "outputs": outputs, "execution_count": 1, "metadata": {}}


def test_cells_are_read_in_their_order_with_what_they_printed(read: Read) -> None:
    """Prose as Markdown with its headings, code and output as code; a picture leaves nothing but its caption."""
    extracted = read(
        NOTEBOOK,
        notebook(
            {"cell_type": "markdown", "metadata": {}, "source": ["# Gauges\n", "\n", "How high the river is."]},
            code(
                ["level = 3\n", 'print("high")'],
                {"output_type": "stream", "name": "stdout", "text": ["high\n", "water\n"]},
                {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}},
            ),
            {"cell_type": "raw", "metadata": {}, "source": "as it is"},
        ),
    )
    (page,) = extracted.pages
    assert page.text == (
        "# Gauges\n\nHow high the river is.\n\n"
        '```python\nlevel = 3\nprint("high")\n```\n\n```\nhigh\nwater\n```\n\n```\n<Figure>\n```\n\nas it is'
    )
    assert page.headings == (Heading(1, "Gauges", 0),)
    assert [span.kind for span in page.spans] == [Kind.CODE] * 3


def test_an_error_is_read_without_its_colours(read: Read) -> None:
    """What a terminal would have painted is gone, what it says stays."""
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mE\x1b[0m: v", "line 1"]}
    assert "```\nE: v\nline 1\n```" in read(NOTEBOOK, notebook(code("1 / 0", error))).text


def test_fences_within_code_stay_within_it(read: Read) -> None:
    """Code that writes Markdown itself doesn't end its own block."""
    (page,) = read(NOTEBOOK, notebook(code('text = "\n```\n# no heading\n```\n"'))).pages
    assert page.headings == ()
    assert len(page.spans) == 1


def test_the_format_of_before_is_read(read: Read) -> None:
    """Version 3: cells in a worksheet, code as `input`, headings as cells of their own."""
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old", " river"]},
        {"cell_type": "code", "input": ["print 1"], "language": "python", "outputs": [{"text": ["1\n"]}]},
    ]
    text = read(NOTEBOOK, json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()).text
    assert text == "## Old river\n\n```\nprint 1\n```\n\n```\n1\n```"


@pytest.mark.parametrize(
    "content", [b"# no notebook", b'{"cells": 5}', b'{"cells": [{"cell_type": "code"', b"[" * 100_000]
)
def test_what_is_no_notebook_is_read_as_it_is(read: Read, content: bytes) -> None:
    """A name proves nothing: damaged or other text is not lost for it."""
    assert read(NOTEBOOK, content).text == content.decode()
