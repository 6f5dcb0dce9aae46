from __future__ import annotations

import json
from pathlib import Path

import pytest

from compose.local.errors import LocalStackError
from compose.local.java import Java
from compose.local.plan import choose_ports, parse_ports
from compose.local.provision import Tools
from compose.local.remembered import key_digest
from compose.local.services import SERVICES, instances, parse_scale, shared_environment
from compose.local.settings import Layout
from compose.local.state import Endpoints

TOOLS = Tools(Java(Path("/java"), 21), [], [Path("/spark/a.jar"), Path("/spark/b.jar")], Path("/db"), Path("/mongod"))
WHERE = Endpoints(gateway_url="http://g", kafka="k:1", mysql_url="mysql://m", mongodb_url="mongodb://m")


def test_one_of_each_by_default() -> None:
    """Without a scale every service runs once, under its own name."""
    assert tuple(instance.name for instance in instances({})) == SERVICES


def test_scaled_processes_are_numbered() -> None:
    """Several processes of a service get numbers; none at all leaves it out."""
    names = [instance.name for instance in instances({"docproc": 2, "streaming": 0})]
    assert {"docproc-1", "docproc-2"} <= set(names)
    assert not {"docproc", "streaming"} & set(names)


def test_scale_is_read() -> None:
    """`NAME=N` becomes a number for each service."""
    assert parse_scale(["docproc=2", "embedding=3"]) == {"docproc": 2, "embedding": 3}


@pytest.mark.parametrize("text", ["kafka=2", "docproc", "docproc=", "docproc=-1", "docproc=two", "streaming=2"])
def test_a_bad_scale_is_refused_with_advice(text: str) -> None:
    """What cannot be scaled, or not so, is refused with a way out."""
    with pytest.raises(LocalStackError) as raised:
        parse_scale([text])
    assert raised.value.advice


def test_ports_are_read() -> None:
    """`gateway` is the short name of the gateway's port."""
    assert parse_ports(["gateway=8080", "kafka=9092"]) == {"api_gateway": 8080, "kafka": 9092}


@pytest.mark.parametrize("text", ["nginx=80", "kafka", "kafka=0", "kafka=65536", "kafka=x"])
def test_a_bad_port_is_refused_with_advice(text: str) -> None:
    """A name or number that is no port is refused with a way out."""
    with pytest.raises(LocalStackError) as raised:
        parse_ports([text])
    assert raised.value.advice


def test_every_process_has_a_port() -> None:
    """Servers and every instance get a port of their own."""
    chosen = choose_ports({}, {}, instances({"docproc": 3}))
    assert {"kafka", "kafka_controller", "mariadb", "mongodb", "api_gateway", "docproc-3"} <= set(chosen)


def test_the_gateway_sees_no_key() -> None:
    """The services are given the key's digest, with its company and as an operator's, never the key."""
    env = shared_environment({}, WHERE, Layout(Path("/state")), TOOLS, "secret-key")
    assert json.loads(env["CAUCE_API_KEYS"]) == {key_digest("secret-key"): "demo"}
    assert json.loads(env["CAUCE_OPERATOR_KEYS"]) == [key_digest("secret-key")]
    assert not any("secret-key" in value for value in env.values())


def test_the_users_own_settings_are_passed_on() -> None:
    """What the user sets reaches the services, except the addresses that the fleet itself decides."""
    mine = {"CAUCE_EMBEDDING_PROVIDER": "openai", "KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092"}
    env = shared_environment(mine, WHERE, Layout(Path("/state")), TOOLS, "key")
    assert env["CAUCE_EMBEDDING_PROVIDER"] == "openai"
    assert env["CAUCE_EMBEDDING_CACHE_DIR"] == "/state/vectors"
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == "k:1"
    assert env["CAUCE_SPARK_JARS"] == "/spark/a.jar,/spark/b.jar"
    assert env["JAVA_HOME"] == "/java"
