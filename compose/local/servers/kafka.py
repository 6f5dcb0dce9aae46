"""Kafka in KRaft mode: one process that is broker and controller."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compose.local.errors import LocalStackError
from compose.local.java import Java
from compose.local.ports import HOST
from compose.local.probes import kafka_probe
from compose.local.program import Kind, Program

if TYPE_CHECKING:  # which makes archives of classes by starting this very server
    from compose.local.provision import Tools

_HEAP = ["-Xms128m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError"]
SHORT = ["-XX:TieredStopAtLevel=1"]
"""For a JVM that ends before its code were worth compiling well."""
_LOGGING = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
]


def server_properties(folder: Path, port: int, controller_port: int) -> str:
    """The broker's configuration, for one node on the loopback interface."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": folder / "log",
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 10,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 10,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def prepare(folder: Path, tools: Tools, port: int, controller_port: int, cluster_id: str) -> Path:
    """Write the configuration, and format the storage where this is its first start. Raises LocalStackError."""
    properties = write_properties(folder, port, controller_port)
    if not (folder / "log" / "meta.properties").exists():
        format_storage(_java(tools, *SHORT), properties, cluster_id)
    return properties


def write_properties(folder: Path, port: int, controller_port: int) -> Path:
    """Write the configuration into `folder`, made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(server_properties(folder, port, controller_port))
    return properties


def format_storage(command: Sequence[str], properties: Path, cluster_id: str) -> None:
    """Once in the life of a folder; `command` is Java with Kafka's classes. Raises LocalStackError."""
    whole = [*command, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalStackError(f"Kafka's storage cannot be formatted: {(done.stderr or done.stdout).strip()[-500:]}")


def program(properties: Path, tools: Tools, port: int, env: Mapping[str, str]) -> Program:
    return Program(
        name="kafka",
        kind=Kind.SERVER,
        argv=[*_java(tools), "kafka.Kafka", str(properties)],
        env=env,
        cwd=properties.parent,
        port=port,
        probe=kafka_probe(f"{HOST}:{port}"),
    )


def _java(tools: Tools, *options: str) -> list[str]:
    archive = [f"-XX:SharedArchiveFile={tools.classes.kafka}", "-Xshare:auto"] if tools.classes else []
    return java(tools.java, tools.kafka_jars, *archive, *options)


def java(runtime: Java, jars: Sequence[Path], *options: str) -> list[str]:
    """The command line up to the class to be run."""
    classes = jars[0].parent / "*"
    return [str(runtime.executable), *_HEAP, *_LOGGING, *options, "-cp", str(classes)]
