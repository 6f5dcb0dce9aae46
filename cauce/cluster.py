"""Which Kafka the verbs speak to: the one that the environment names, else the fleet of this folder."""

from __future__ import annotations

import os

from compose.local.settings import LocalSettings
from compose.local.state import running_state
from shared.kafka.client import Connection
from shared.settings import CommonSettings, load


def cluster() -> tuple[Connection, int]:
    """The connection, and the replication factor that topics shall have. Raises LocalStackError where there is none."""
    common = load(CommonSettings)
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return Connection(common.kafka_bootstrap_servers, "cauce"), common.replication_factor
    return Connection(running_state(LocalSettings().layout.state).endpoints.kafka, "cauce"), 1
