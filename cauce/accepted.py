"""What was accepted, by offset, against what is there: the line of the ledger that no service can know by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.contracts.topics import StoredLog, incarnation_of, offset_of
from shared.documents import Document
from shared.kafka.client import partition_of_key
from shared.kafka.records import Partition
from shared.topics import UPLOADS_RECEIVED


@dataclass(frozen=True, slots=True)
class Accepted:
    """Of `uploads.received`: how many records the stores have seen acknowledged, how many of them the log had room for,
    and the documents that were accepted, have not ended, and have no record any more that could bring them on."""

    acknowledged: int
    there: int
    stranded: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Records of this log that were acknowledged and are not there."""
        return self.acknowledged - self.there

    @property
    def balances(self) -> bool:
        return not self.missing and not self.stranded


def accepted(stored: StoredLog | None, kept: Mapping[Partition, range], unfinished: Iterable[Document]) -> Accepted:
    """`kept` are the offsets that each partition of `uploads.received` holds, `stored` is what the store knows of it,
    None where it knows nothing yet. What retention has removed was there."""
    seen = stored.ends if stored else {}
    ends = {partition.number: held.stop for partition, held in kept.items()}
    there = sum(min(end, ends.get(number, 0)) for number, end in seen.items())
    incarnation = stored.incarnation if stored else 0
    stranded = [document for document in unfinished if not _has_a_record(document, incarnation, ends)]
    return Accepted(sum(seen.values()), there, tuple(sorted(document.document_id for document in stranded)))


def _has_a_record(document: Document, incarnation: int, ends: Mapping[int, int]) -> bool:
    """Or had one: what retention has removed before it was read is told by its reader."""
    if incarnation_of(document.version) != incarnation:
        return incarnation_of(document.version) > incarnation  # the store hears of a new log a moment later
    number = partition_of_key(document.document_id.encode(), UPLOADS_RECEIVED.partitions)
    return offset_of(document.version) < ends.get(number, 0)
