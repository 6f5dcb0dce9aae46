"""The archive on file systems other than the machine's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compose.local.errors import LocalStackError
from tests.hdfs import hdfs
from tests.streaming.conftest import QUICK_JAVA

ROOT = Path(__file__).parents[2]
S3A_ROOT = "CAUCE_TEST_S3A_ROOT"
SEEN = {
    "offsets": [0, 1, 2, 3],
    "folders": ["hour=00", "hour=23"],
    "summaries": [["2026-01-21: chunks: 2, documents: 1, companies: 1", "  acme: chunks: 2, documents: 1"]] * 2,
    "report": [["acme", "d", 1, 2, "2026-01-21"]],
}


HDFS_SITE = {
    "dfs.nameservices": "lake",
    "dfs.ha.namenodes.lake": "one",
    "dfs.client.failover.proxy.provider.lake": (
        "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
    ),
}


def go_round(root: str, **variables: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.streaming.archive_round", root]
    environment = {**os.environ, "CAUCE_STREAMING_JAVA_OPTIONS": QUICK_JAVA, **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_hdfs(tmp_path: Path) -> None:
    """On a real HDFS, under a name that only Hadoop's usual configuration knows, the archive and its checkpoints are
    written and read, and a day's report replaces itself."""
    try:
        with hdfs(tmp_path) as url:
            settings = HDFS_SITE | {"dfs.namenode.rpc-address.lake.one": url.removeprefix("hdfs://")}
            (tmp_path / "hdfs-site.xml").write_text(configuration(settings))
            assert go_round("hdfs://lake/cauce", HADOOP_CONF_DIR=str(tmp_path)) == SEEN
    except LocalStackError as error:
        pytest.skip(str(error))


def configuration(settings: dict[str, str]) -> str:
    """As Hadoop reads it."""
    properties = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items())
    return f"<configuration>{''.join(properties)}</configuration>"


def test_s3a(tmp_path: Path) -> None:
    """On an object store that speaks S3, the same, where one is named and its jars and keys are in the environment."""
    if not (root := os.environ.get(S3A_ROOT)):
        pytest.skip(f"{S3A_ROOT} names no s3a:// URL, and the jars it takes are 642 MB: see docs/archive.md")
    assert go_round(f"{root.rstrip('/')}/{tmp_path.name}") == SEEN
