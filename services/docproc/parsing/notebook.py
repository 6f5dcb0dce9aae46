"""Jupyter notebooks: the cells in their order, each with what it has printed, as Markdown.

By https://nbformat.readthedocs.io/en/latest/format_description.html, of versions 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, Field, ValidationError

from services.docproc.parsing import markdown, plain
from services.docproc.parsing.charset import decode
from services.docproc.parsing.model import Extracted, Limits

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_FENCE = re.compile(r"`{3,}")
_NEWLINE = re.compile(r"\s+")


def _joined(value: object) -> object:
    """A text may be stored line by line."""
    return "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value


Text = Annotated[str, BeforeValidator(_joined)]


class _Output(BaseModel):
    """Of a stream `text`; of a result `data` by media type; of an error `traceback`."""

    text: Text = ""
    data: dict[str, Any] = Field(default_factory=dict)
    traceback: list[str] = Field(default_factory=list)


class _Cell(BaseModel):
    cell_type: str
    source: Text = Field(default="", validation_alias=AliasChoices("source", "input"))
    outputs: list[_Output] = Field(default_factory=list)
    level: int = 1


class _Notebook(BaseModel):
    cells: list[_Cell] = Field(validation_alias=AliasChoices("cells", AliasPath("worksheets", 0, "cells")))
    language: str = Field(
        default="",
        validation_alias=AliasChoices(
            AliasPath("metadata", "language_info", "name"), AliasPath("metadata", "kernelspec", "language")
        ),
    )


def read(path: Path, limits: Limits) -> Extracted:
    """What isn't a notebook in spite of its name is read as plain text."""
    try:
        notebook = _Notebook.model_validate_json(decode(path.read_bytes()))
    except ValidationError:
        return plain.read(path, limits)
    return markdown.written("\n\n".join(_blocks(notebook)), limits)


def _blocks(notebook: _Notebook) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield _fenced(cell.source, notebook.language)
            yield from map(_fenced, filter(None, map(_shown, cell.outputs)))
        elif cell.cell_type == "heading":
            yield f"{'#' * min(max(cell.level, 1), 6)} {_NEWLINE.sub(' ', cell.source)}"
        else:
            yield cell.source


def _shown(output: _Output) -> str:
    """Its plainest form, without a terminal's colours; pictures leave nothing."""
    data = (_joined(output.data.get(kind)) for kind in ("text/plain", "text/markdown"))
    texts = (output.text, *(text for text in data if isinstance(text, str)), "\n".join(output.traceback))
    return _ANSI.sub("", next(filter(None, texts), "")).strip("\n")


def _fenced(text: str, language: str = "") -> str:
    """Between fences that are longer than any in it."""
    if not text.strip():
        return ""
    fence = "`" * max([3, *(len(found) + 1 for found in _FENCE.findall(text))])
    return f"{fence}{_NEWLINE.sub('', language)}\n{text}\n{fence}"
