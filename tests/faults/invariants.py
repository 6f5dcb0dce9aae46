"""What must hold after any fault, looked at from outside: the stores, the topics, the groups' offsets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from shared.kafka.records import Partition, Record
from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW, EMBEDDINGS_READY
from tests.faults.effects import offsets_not_ahead
from tests.faults.seen import Found, dead_letters, events, records_of
from tests.faults.truth import COLLECTION, TABLE, Expected, Truth
from tests.faults.world import World


async def everything_holds(world: World, truth: Truth) -> str:
    """After quiet. Raises AssertionError with all that doesn't hold; returns what was seen, in a few words."""
    found = await records_of(world, truth)
    broken = [
        *_documents(world, truth),
        *_windows(world, truth),
        *_readings(world, truth),
        *_letters(found, truth),
        *_order(found, truth),
        *await offsets_not_ahead(world, truth, found),
    ]
    assert not broken, "\n".join(broken)
    repeated = sum(map(_repeated, found.values()))
    return (
        f"{len(truth.documents)} documents, {len(truth.windows)} window rows, {len(truth.readings)} readings, "
        f"{len(truth.letters)} dead letters, as sent; {repeated} records repeated on topics"
    )


# ---- every accepted input, once --------------------------------------------------------------------------------------


def _documents(world: World, truth: Truth) -> Iterator[str]:
    with world.mongo() as database:
        mine = {"company_id": truth.company}
        stored = {row["_id"]: row for row in database.documents.find(mine)}
        parts = {name: _by_document(database[name].find(mine)) for name in ("chunks", "embeddings")}
    for key in stored.keys() ^ truth.documents.keys():
        yield f"document {key}: {'nobody sent it' if key in stored else 'it is in no store'}"
    for key, expected in truth.documents.items():
        if key in stored:
            if expected.repeated and stored[key]["version"] > expected.version:
                expected = replace(expected, version=stored[key]["version"])  # noqa: PLW2901 as its sender knows it
            yield from _document(stored[key], expected)
            chunks, vectors = parts["chunks"].pop(key, []), parts["embeddings"].pop(key, [])
            yield from _parts(key, expected, chunks, vectors)
    for name, orphans in parts.items():
        yield from (f"{len(rows)} {name} of {key} belong to no document" for key, rows in orphans.items())


def _by_document(rows: Any) -> dict[str, list[dict[str, Any]]]:
    grouped: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["document_id"]].append(row)
    return dict(grouped)


def _document(row: dict[str, Any], expected: Expected) -> Iterator[str]:
    state = "failed" if expected.code else "complete"
    reason = (row["reason"] or {}).get("code")
    seen = (row["version"], row["content_sha256"], row["state"], reason)
    if seen != (expected.version, expected.sha256, state, expected.code):
        yield f"document {row['_id']}: {seen}, expected version {expected.version}, {state}, {expected.code}"
    if state == "complete" and (row["current"] or {}).get("version") != expected.version:
        yield f"document {row['_id']}: readers see {row['current']}, not version {expected.version}"


def _parts(key: str, expected: Expected, chunks: list[dict[str, Any]], vectors: list[dict[str, Any]]) -> Iterator[str]:
    """All of the newest version and of no other, each index once, each word of the text once. Of a version that failed
    some parts may be there, which no reader sees."""
    if expected.code:
        return
    counts = {row["chunk_count"] for row in (*chunks, *vectors)}
    wanted = list(range(counts.pop())) if len(counts) == 1 else []
    for name, rows in (("chunks", chunks), ("vectors", vectors)):
        indexes = sorted(row["chunk_index"] for row in rows)
        if indexes != wanted or {row["version"] for row in rows} - {expected.version}:
            yield f"{name} of {key}: {indexes} of versions {sorted({row['version'] for row in rows})}"
    if {row["_id"] for row in chunks} != {row["_id"] for row in vectors}:
        yield f"chunks and vectors of {key} aren't the same ids"
    words = Counter(word for row in chunks for word in row["text"].replace(".", " ").split())
    wrong = {word: words[word] for word in expected.words if words[word] != 1}
    if wrong:
        yield f"text of {key}: these words aren't there once: {wrong}"


def _windows(world: World, truth: Truth) -> Iterator[str]:
    query = f"SELECT movieId, _epoch, count, avg_rating FROM {TABLE} WHERE window_start = %s"
    rows = world.rows(query, truth.first_window.replace(tzinfo=None))
    seen = {film: cell for film, *cell in rows}
    wanted = {film: list(cell) for film, cell in truth.windows.items()}
    if len(rows) != len(seen) or seen != wanted:
        yield f"window rows: {_difference(seen, wanted)}"


def _readings(world: World, truth: Truth) -> Iterator[str]:
    with world.mongo() as database:
        rows = list(database[COLLECTION].find({"_id": {"$regex": f"^{truth.company}-"}}))
    seen = {row["_id"]: (row["event_time"].astimezone(UTC), row["_offset"], row["value"]) for row in rows}
    wanted = {name: tuple(measure) for name, measure in truth.readings.items()}
    if seen != wanted:
        yield f"readings: {_difference(seen, wanted)}"


def _difference(seen: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> str:
    keys = [key for key in seen.keys() | wanted.keys() if seen.get(key) != wanted.get(key)]
    shown = ", ".join(f"{key}: {seen.get(key)} instead of {wanted.get(key)}" for key in keys[:5])
    return f"{len(keys)} differ: {shown}"


def _letters(found: Found, truth: Truth) -> Iterator[str]:
    """Each bad record has its dead letter and no good one has; the bytes are those of the record."""
    folded = dead_letters(found)
    seen = {letter.letter for letter in folded.values() if _is_of(truth, letter.position)}
    yield from (f"no dead letter: {letter}" for letter in truth.letters - seen)
    yield from (f"a dead letter that nobody expected: {letter}" for letter in seen - truth.letters)
    values = {
        (*record.partition, record.offset): record.value
        for topic, records in found.items()
        if not topic.endswith(".dlq")
        for record in records
    }
    for letter in folded.values():
        if values.get(letter.position, letter.value) != letter.value:
            yield f"the dead letter of {letter.position} has other bytes than its record"


def _is_of(truth: Truth, position: tuple[str, int, int]) -> bool:
    """Not of a case before this one, which may have left work behind where it failed."""
    topic, number, offset = position
    return offset >= truth.starts.get(Partition(topic, number), 0)


# ---- order per key ---------------------------------------------------------------------------------------------------


def _order(found: Found, truth: Truth) -> Iterator[str]:
    """Of what is there twice the first counts: at-least-once may repeat, and must not overtake."""
    for topic in (DOCUMENTS_RAW.name, CHUNKS_PROCESSED.name, EMBEDDINGS_READY.name):
        reached: dict[str, tuple[int, int]] = {}
        known: set[tuple[str, tuple[int, int]]] = set()
        for event in events(found[topic]) if topic in found else ():
            key, place = event["document_id"], (event["version"], event.get("chunk_index", 0))
            if (key, place) in known or key in truth.redriven:
                continue
            known.add((key, place))
            if place < reached.get(key, place):
                yield f"{topic}: {key} went back from {reached[key]} to {place}"
            reached[key] = place


def _repeated(records: list[Record]) -> int:
    told = Counter(record.header("ce_id") for record in records if record.header("ce_id"))
    return sum(times - 1 for times in told.values())
