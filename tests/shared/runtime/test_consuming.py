"""What every service's consume loop is told by the settings."""

from __future__ import annotations

import pytest

from shared.errors import Fatal
from shared.kafka.client import Connection
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.kafka.pipeline import Batch, Handled, Pipeline
from shared.runtime.consuming import consume_loop
from shared.settings import CommonSettings
from shared.topics import DOCUMENTS_RAW


async def nothing(_: Batch) -> Handled:
    return Handled()


def test_a_topic_that_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the pen in the policy is told at the start, with what there is."""
    monkeypatch.setenv("CAUCE_STOP_ON_FAILURE", "documents.raw, document.raw")
    pipeline = Pipeline("docproc", "docproc", (DOCUMENTS_RAW,), nothing)
    with pytest.raises(Fatal, match=r"no service reads document\.raw; there are: uploads\.received"):
        consume_loop(CommonSettings(), Connection("localhost:1"), pipeline, MemoryProducer(MemoryBroker({})))
