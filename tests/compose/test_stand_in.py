from __future__ import annotations

from pathlib import Path

import pytest

from compose.local.java import Java
from compose.local.provision import Tools
from compose.local.servers.kafka import server_properties
from compose.stand_in import program, reachable_as

TOOLS = Tools(Java(Path("/java"), 25), [Path("/kafka/a.jar")], [], Path("/mariadb"), Path("/mongod"))


def test_kafka_is_reached_by_its_name() -> None:
    """The broker listens on every interface, sends clients to its name, and keeps its controller to itself."""
    lines = reachable_as("kafka", server_properties(Path("/data"), 9092, 9093)).splitlines()
    assert "listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093" in lines
    assert "advertised.listeners=PLAINTEXT://kafka:9092" in lines


def test_servers_have_their_images_ports(tmp_path: Path) -> None:
    """Services find a stand-in where they would find the image's server."""
    env = {"MARIADB_PASSWORD": "any"}
    assert [program(name, tmp_path, TOOLS, env).port for name in ("kafka", "mysql", "mongodb")] == [9092, 3306, 27017]


def test_an_unknown_server_is_named(tmp_path: Path) -> None:
    """A typing error says which servers there are."""
    with pytest.raises(ValueError, match="no server `redis`: kafka, mysql or mongodb"):
        program("redis", tmp_path, TOOLS, {})
