"""`make report-documents`: how much of the documents' text gets through, and whether it is on the right page.

    python -m benchmarks.report_documents [FOLDER] [--strings SHARE] [--pages SHARE]

`FOLDER` holds documents and a `manifest.jsonl` that says of each what must be found in it, on which page, what must not
be found, or how it must be refused (docs/documents.md); without one, it is the set in `tests/documents/files`. Here the
parser and the chunker run by themselves; `score` takes chunks from anywhere, such as those that a fleet has written.

Exits with 0 if all is as expected; with 1 if a document is not refused or read as it should be, or if less than the
shares of strings and of strings on their page is found, which are 1 unless they are given; with 2 if the manifest is
wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.manifests import Expectation, ManifestError, read_manifest
from services.docproc.pool import ParserPool, PoolOptions
from shared.errors import Code, Permanent
from shared.media_types import HEAD_BYTES, sniff
from tests.documents.catalogue import FILES

_RULES = re.compile(r"^\|(?: --- \|)+$|\|", re.MULTILINE)
_QUOTES = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")


@dataclass(frozen=True, slots=True)
class Complete:
    """The document's chunks in order: (page or None, text).

    `pages` is None where the format has none, `media_type` where nobody asked.
    """

    chunks: Sequence[tuple[int | None, str]]
    pages: int | None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    code: str
    message: str


Result = Complete | Failed


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
    if isinstance(result, Complete):
        yield from _differences(expectation, result)


def _differences(expectation: Expectation, result: Complete) -> Iterable[str]:
    if expectation.pages not in (None, result.pages):
        yield f"pages: {result.pages or 'none'}, expected {expectation.pages}"
    if None not in (expectation.media_type, result.media_type) and expectation.media_type != result.media_type:
        yield f"media type: {result.media_type}, expected {expectation.media_type}"


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
    """The shares, from 0 to 1, of strings found and of page probes right: 1 where there are none."""
    strings = sum(len(each.expectation.strings) for each in scores)
    probes = sum(len(each.expectation.probes) for each in scores)
    found, right = sum(each.found for each in scores), sum(each.probes_right for each in scores)
    return found / strings if strings else 1.0, right / probes if probes else 1.0


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
    return Complete([(chunk.page, chunk.text) for chunk in parsed.chunks], parsed.page_count, media_type)


def main(words: Sequence[str] | None = None) -> int:
    """`words` are those of the command line, where none are given. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=FILES, metavar="FOLDER")
    parser.add_argument("--strings", type=_share, default=1.0, metavar="SHARE", help="of strings to be found, 0 to 1")
    parser.add_argument("--pages", type=_share, default=1.0, metavar="SHARE", help="of strings to be on their page")
    arguments = parser.parse_args(words)
    try:
        expectations = read_manifest(arguments.folder)
    except ManifestError as error:
        print(error, file=sys.stderr)
        return 2
    results = asyncio.run(read_documents(arguments.folder, [each.file for each in expectations]))
    scores = score(expectations, results)
    show(scores)
    failings = [*_failings(scores, arguments.strings, arguments.pages)]
    print("\n" + ("; ".join(failings) or "all as expected"))
    return 1 if failings else 0


def _failings(scores: Sequence[Score], strings: float, pages: float) -> Iterable[str]:
    found, right = shares(scores)
    if found < strings:
        yield f"strings found: {found:.1%}, wanted {strings:.1%}"
    if right < pages:
        yield f"strings on their page: {right:.1%}, wanted {pages:.1%}"
    if wrong := sum(bool(each.wrong) for each in scores):
        yield f"documents not read or refused as they should be: {wrong}"


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not `{text}`")
    return share


if __name__ == "__main__":
    sys.exit(main())
