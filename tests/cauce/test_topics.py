from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner, Result

from cauce.topics import app
from shared.kafka import declare
from shared.kafka.client import Connection, KafkaAdmin, TopicOnBroker
from shared.topics import DOCUMENTS_RAW, PROBE, Topic


def test_every_difference_has_a_line() -> None:
    """Missing topics, other partitions and copies, other settings, with both sides."""
    config = {**DOCUMENTS_RAW.config(1), "retention.ms": "5"}
    present = {DOCUMENTS_RAW.name: TopicOnBroker(DOCUMENTS_RAW.name, 6, 1, config)}
    assert declare.differences([DOCUMENTS_RAW, PROBE], present, 1) == [
        "`documents.raw`: retention.ms is declared as 2592000000, the broker has 5",
        "`cauce.probe` is missing",
    ]
    fewer = {DOCUMENTS_RAW.name: TopicOnBroker(DOCUMENTS_RAW.name, 3, 1, DOCUMENTS_RAW.config(1))}
    assert declare.differences([DOCUMENTS_RAW], fewer, 1) == [
        "`documents.raw` is declared with 6 partitions, the broker has 3"
    ]
    assert declare.differences([], present, 1) == []


def cauce(kafka: Connection, *arguments: str) -> Result:
    named = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "CAUCE_REPLICATION_FACTOR": "1"}
    return CliRunner().invoke(app, arguments, env=named)


async def configure(kafka: Connection, topic: Topic) -> None:
    async with KafkaAdmin(kafka) as admin:
        await admin.configure(topic, 1)


@pytest.mark.fleet
def test_verify_finds_what_was_changed_and_apply_mends_it(kafka: Connection) -> None:
    """A setting that somebody changed on the broker is named; afterwards there is no difference."""
    assert cauce(kafka, "apply").exit_code == 0
    asyncio.run(configure(kafka, Topic(PROBE.name, PROBE.key, 1, PROBE.retention * 2)))
    differs = cauce(kafka, "verify", "--probes", "2")
    assert differs.exit_code == 1
    assert "`cauce.probe`: retention.ms is declared as 3600000, the broker has 7200000" in differs.stdout
    assert cauce(kafka, "apply").exit_code == 0
    same = cauce(kafka, "verify", "--probes", "2")
    assert same.exit_code == 0
    assert " topics as declared\n2 probes written and read again, in ms: " in same.stdout
    assert "cauce.probe" in cauce(kafka, "list").stdout
