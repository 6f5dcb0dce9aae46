"""What a chunk holds. By itself, since parsing processes need this word and nothing else of the contracts."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """`notes` are those of a speaker, footnotes, endnotes and comments; of several kinds together, it is `text`."""

    TEXT = "text"
    TABLE = "table"
    CODE = "code"
    NOTES = "notes"
