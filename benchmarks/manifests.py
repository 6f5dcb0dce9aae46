"""A folder of documents with known content: its `manifest.jsonl`, one JSON object a line, as docs/documents.md says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import Code

MANIFEST = "manifest.jsonl"
NEEDS_OCR = "no_text_needs_ocr"
READ = ("read", "extract_ok", "no_script_text")
REFUSALS = {NEEDS_OCR: Code.NEEDS_OCR, **{f"reject_{code}": code for code in Code}}
NOTES = frozenset({"id", "kind", "license", "source_repo", "source_path", "tags", "password", "note"})
"""Fields for people, which nothing here reads."""


class ManifestError(Exception):
    """The manifest can't be used: `str()` names the file, and a line and a field for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of the manifest. `refusal` is the code with which it must fail, None where it must be read.

    `pages` and `media_type` are None where nothing is expected of them.
    """

    file: str
    format: str
    strings: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    probes: tuple[tuple[str, int], ...] = ()
    refusal: Code | None = None
    pages: int | None = None
    media_type: str | None = None


def read_manifest(folder: Path) -> list[Expectation]:
    """Raises ManifestError where the folder has none, or where any of its lines is wrong: then it names all of them."""
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ManifestError(f"{path}: there is none: name a folder that has one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: {error}") from error
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    found: dict[str, Expectation] = {}
    wrong: list[str] = []
    for number, line in numbered:
        try:
            one = _expectation(folder, line, found)
            found[one.file] = one
        except _Wrong as error:
            wrong += [f"{path}, line {number}: {each}" for each in error.sentences]
    if wrong or not found:
        raise ManifestError("\n".join(wrong) or f"{path}: it has no line")
    return list(found.values())


class _Wrong(Exception):
    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


def _filled(value: object) -> object:
    """Blanks are in every text."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("must not be blank")
    return value


_Filled = Annotated[str, BeforeValidator(_filled)]


class _Probe(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    s: _Filled
    page: int = Field(ge=1)
    source: str = ""


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    file: _Filled
    format: _Filled | None = None
    expected_strings: list[_Filled] = []
    page_probes: list[_Probe] = []
    forbidden_strings: list[_Filled] = []
    expect: str = READ[0]
    expected_pages: int | None = Field(default=None, ge=1)
    media_type: _Filled | None = None
    sha256: str | None = None


def _expectation(folder: Path, line: str, others: Mapping[str, Expectation]) -> Expectation:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise _Wrong(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _Wrong(f"must be a JSON object, not {_kind(value)}")
    try:
        known = _Line.model_validate({name: each for name, each in value.items() if name not in NOTES})
    except ValidationError as error:
        raise _Wrong(*map(_sentence, error.errors())) from error
    if wrong := [*_contradictions(folder, known, others)]:
        raise _Wrong(*wrong)
    refusal = REFUSALS.get(known.expect)
    return Expectation(
        file=known.file,
        format=known.format or PurePath(known.file).suffix.removeprefix(".") or "-",
        strings=() if refusal else tuple(known.expected_strings),
        forbidden=tuple(known.forbidden_strings),
        probes=() if refusal else tuple((probe.s, probe.page) for probe in known.page_probes),
        refusal=refusal,
        pages=None if refusal else known.expected_pages,
        media_type=known.media_type,
    )


def _contradictions(folder: Path, line: _Line, others: Mapping[str, Expectation]) -> Iterator[str]:
    path = folder / line.file
    if line.file in others:
        yield f"`file`: `{line.file}` stands on a line before"
    if not path.is_file():
        yield f"`file`: no file {path}"
    elif line.sha256 is not None and line.sha256 != hashlib.sha256(path.read_bytes()).hexdigest():
        yield f"`sha256`: `{line.file}` is another file than the one of which this was written"
    if line.expect not in (*READ, *REFUSALS):
        yield f"`expect`: `{line.expect}` is none of {', '.join((*READ[:1], *REFUSALS))}"
    for place, probe in enumerate(line.page_probes):
        if line.expected_pages is not None and probe.page > line.expected_pages:
            yield f"`page_probes[{place}].page`: {probe.page}, but `expected_pages` is {line.expected_pages}"


def _sentence(error: Mapping[str, Any]) -> str:
    field = _path(error["loc"])
    if error["type"] == "extra_forbidden":
        fields = sorted({*(_Line if len(error["loc"]) == 1 else _Probe).model_fields} - {"source"})
        return f"`{field}`: no such field; there are {', '.join(fields)}"
    if error["type"] == "missing":
        return f"`{field}`: must be there"
    return f"`{field}`: {error['msg'].removeprefix('Value error, ')}, not {_kind(error['input'])}"


def _path(place: Sequence[str | int]) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in place).removeprefix(".")


def _kind(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]
