"""How much of the documents' text gets through, and whether it is on the right page.

    python -m benchmarks.report_documents [FOLDER]

`FOLDER` holds documents and a `manifest.jsonl` that says of each what must be found in it, on which page, what must not
be found, or how it must be refused. Here the parser and the chunker run by themselves; `score` takes chunks from
anywhere, such as those that a fleet has written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.docproc.pool import ParserPool, PoolOptions
from shared.errors import Code, Permanent
from shared.media_types import HEAD_BYTES, sniff

_REFUSALS = ("reject_", "no_text_")
_RULES = re.compile(r"^\|(?: --- \|)+$|\|", re.MULTILINE)
_QUOTES = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")


@dataclass(frozen=True, slots=True)
class Complete:
    """The document's chunks in order: (page or None, text)."""

    chunks: Sequence[tuple[int | None, str]]


@dataclass(frozen=True, slots=True)
class Failed:
    code: str
    message: str


Result = Complete | Failed


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of the manifest. `refusal` is the code with which it must fail, None where it must be read."""

    file: str
    format: str
    strings: tuple[str, ...]
    forbidden: tuple[str, ...]
    probes: tuple[tuple[str, int], ...]
    refusal: str | None

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Expectation:
        expect = line.get("expect", "")
        refusal = next((expect.removeprefix(each) for each in _REFUSALS if expect.startswith(each)), None)
        return cls(
            file=line["file"],
            format=line["format"],
            strings=() if refusal else tuple(line["expected_strings"]),
            forbidden=tuple(line.get("forbidden_strings", ())),
            probes=() if refusal else tuple((probe["s"], probe["page"]) for probe in line.get("page_probes", ())),
            refusal=refusal,
        )


@dataclass(frozen=True, slots=True)
class Score:
    """What one document came to. `wrong` says in words what isn't as expected, apart from missing strings."""

    expectation: Expectation
    outcome: str
    missing: tuple[str, ...]
    probes_right: int
    wrong: tuple[str, ...]

    @property
    def found(self) -> int:
        return len(self.expectation.strings) - len(self.missing)


def read_manifest(folder: Path) -> list[Expectation]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [Expectation.of(json.loads(line)) for line in lines if line.strip()]


def score(expectations: Iterable[Expectation], results: Mapping[str, Result]) -> list[Score]:
    """Each document's score, by its file name in `results`; one that isn't there counts as lost."""
    return [_score(each, results.get(each.file, Failed("lost", "no result"))) for each in expectations]


def normal(text: str) -> str:
    """The form in which texts are compared: NFKC, straight quotes, each run of white space one space, tables without
    their rules, since a row is found whether its cells are parted by `|` or by a space."""
    plain = _RULES.sub(" ", unicodedata.normalize("NFKC", text).translate(_QUOTES))
    return re.sub(r"\s+", " ", plain).strip()


def _score(expectation: Expectation, result: Result) -> Score:
    chunks = result.chunks if isinstance(result, Complete) else ()
    whole = normal("\n".join(text for _, text in chunks))
    return Score(
        expectation=expectation,
        outcome="complete" if isinstance(result, Complete) else f"failed: {result.code}",
        missing=tuple(each for each in expectation.strings if normal(each) not in whole),
        probes_right=sum(normal(probe) in _page_text(chunks, page) for probe, page in expectation.probes),
        wrong=tuple(_wrong(expectation, result, whole)),
    )


def _page_text(chunks: Sequence[tuple[int | None, str]], number: int) -> str:
    return normal("\n".join(text for page, text in chunks if page == number))


def _wrong(expectation: Expectation, result: Result, whole: str) -> Iterable[str]:
    for each in expectation.forbidden:
        if normal(each) in whole:
            yield f"forbidden text: {each}"
    if isinstance(result, Failed) and expectation.refusal is None:
        yield f"refused: {result.message}"
    if expectation.refusal not in (None, getattr(result, "code", None)) and not _was_recognised(expectation, result):
        yield f"should fail: {expectation.refusal}"
    if isinstance(result, Failed) and result.code == Code.BUG:
        yield f"a bug: {result.message}"


def _was_recognised(expectation: Expectation, result: Result) -> bool:
    """A scan, which is read where Tesseract is installed."""
    scan = expectation.refusal == Code.NEEDS_OCR and isinstance(result, Complete)
    return scan and shutil.which("tesseract") is not None


def show(scores: Sequence[Score]) -> None:
    print(f"{'document':48} {'outcome':22} {'strings':>9} {'pages':>7}")
    for each in scores:
        expected = each.expectation
        strings = f"{each.found}/{len(expected.strings)}" if expected.strings else "-"
        probes = f"{each.probes_right}/{len(expected.probes)}" if expected.probes else "-"
        print(f"{expected.file[:48]:48} {each.outcome:22} {strings:>9} {probes:>7}")
        for line in (*(f"missing: {string}" for string in each.missing), *each.wrong):
            print(f"    {line}")
    _show_totals(scores)


def _show_totals(scores: Sequence[Score]) -> None:
    print(f"\n{'format':10} {'documents':>9} {'strings':>19} {'pages':>19} {'wrong':>6}")
    for kind in (*sorted({each.expectation.format for each in scores}), None):
        chosen = [each for each in scores if kind in (None, each.expectation.format)]
        strings = _rate(sum(each.found for each in chosen), sum(len(each.expectation.strings) for each in chosen))
        probes = _rate(sum(each.probes_right for each in chosen), sum(len(each.expectation.probes) for each in chosen))
        wrong = sum(bool(each.wrong) for each in chosen)
        print(f"{kind or 'all':10} {len(chosen):>9} {strings:>19} {probes:>19} {wrong:>6}")


def _rate(part: int, whole: int) -> str:
    return f"{part}/{whole} = {100 * part / whole:.1f} %" if whole else "-"


def shares(scores: Sequence[Score]) -> tuple[float, float]:
    """The shares, from 0 to 1, of strings found and of page probes right."""
    strings = sum(len(each.expectation.strings) for each in scores)
    probes = sum(len(each.expectation.probes) for each in scores)
    found, right = sum(each.found for each in scores), sum(each.probes_right for each in scores)
    return found / max(strings, 1), right / max(probes, 1)


async def read_documents(folder: Path, files: Iterable[str]) -> dict[str, Result]:
    """Sniffs, parses and chunks each file as ingest and docproc do, without Kafka and stores."""
    async with ParserPool(PoolOptions()) as pool:
        return {file: await _read(pool, folder / file) for file in files}


async def _read(pool: ParserPool, path: Path) -> Result:
    try:
        with path.open("rb") as stream:
            media_type = sniff(stream.read(HEAD_BYTES), path.name, None)
        parsed = await pool.run(path, media_type)
    except Permanent as error:
        return Failed(error.code, str(error))
    return Complete([(chunk.page, chunk.text) for chunk in parsed.chunks])


def main() -> int:
    parser = argparse.ArgumentParser(description="Scores what parsing and chunking get out of a folder of documents")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/fixtures/documents"))
    parser.add_argument("--strings", type=float, default=0.80, help="the share of strings that must be found")
    parser.add_argument("--probes", type=float, default=0.85, help="the share of page probes that must be right")
    arguments = parser.parse_args()
    if not (arguments.folder / "manifest.jsonl").is_file():
        print(f"No `manifest.jsonl` in {arguments.folder}: name a folder that has one", file=sys.stderr)
        return 2
    expectations = read_manifest(arguments.folder)
    results = asyncio.run(read_documents(arguments.folder, [each.file for each in expectations]))
    scores = score(expectations, results)
    show(scores)
    found, right = shares(scores)
    return 0 if found >= arguments.strings and right >= arguments.probes else 1


if __name__ == "__main__":
    sys.exit(main())
