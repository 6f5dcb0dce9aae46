"""How the services are started: the same modules as everywhere, told by the environment where everything is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from compose.local.errors import LocalStackError
from compose.local.ports import HOST
from compose.local.probes import http_probe
from compose.local.program import Kind, Program
from compose.local.provision import Tools
from compose.local.remembered import key_digest
from compose.local.settings import ROOT, Layout
from compose.local.state import Endpoints

SERVICES = ("api_gateway", "ingest", "docproc", "embedding", "db_writer", "streaming", "dashboard")
GATEWAY = "api_gateway"
DASHBOARD = "dashboard"
STREAMING = "streaming"
COMPANY = "demo"


@dataclass(frozen=True)
class Instance:
    """One process of a service; `name` has a number where there are several."""

    service: str
    name: str


def instances(scale: Mapping[str, int]) -> list[Instance]:
    """The processes to run, one of each service unless `scale` says otherwise (0 leaves a service out)."""
    return [instance for service in SERVICES for instance in _copies(service, scale.get(service, 1))]


def _copies(service: str, count: int) -> list[Instance]:
    if count == 1:
        return [Instance(service, service)]
    return [Instance(service, f"{service}-{number}") for number in range(1, count + 1)]


def parse_scale(texts: list[str]) -> dict[str, int]:
    """Read `docproc=2` and the like. Raises LocalStackError saying what is wrong and what is possible."""
    return dict(_parse_one(text) for text in texts)


def _parse_one(text: str) -> tuple[str, int]:
    service, _, number = text.partition("=")
    if service not in SERVICES:
        raise LocalStackError(f"no service `{service}` to scale", advice=f"the services are: {', '.join(SERVICES)}")
    if not number.isdecimal():
        raise LocalStackError(f"`{text}` is not a scale", advice=f"write it as: --scale {service}=2")
    if service == STREAMING and int(number) > 1:
        raise LocalStackError(
            "streaming runs once: a streaming query has one driver",
            advice="give it more cores or a Spark cluster instead",
        )
    return service, int(number)


def shared_environment(
    inherited: Mapping[str, str], endpoints: Endpoints, layout: Layout, tools: Tools, key: str
) -> dict[str, str]:
    """What every service is told. Variables that the user has set and that are not ours to decide are passed on."""
    python_path = os.pathsep.join(filter(None, [str(ROOT), inherited.get("PYTHONPATH")]))
    return {
        "CAUCE_LOG_FORMAT": "console",
        "CAUCE_EMBEDDING_CACHE_DIR": str(layout.vectors),
        **inherited,
        "PYTHONPATH": python_path,
        "PYTHONUNBUFFERED": "1",
        "JAVA_HOME": str(tools.java.home),
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka,
        "CAUCE_REPLICATION_FACTOR": "1",  # one broker: it acknowledges what a power failure may take
        "CAUCE_MONGODB_URL": endpoints.mongodb_url,
        "CAUCE_MONGODB_DATABASE": endpoints.mongodb_database,
        "CAUCE_MYSQL_URL": endpoints.mysql_url,
        "CAUCE_OBJECT_STORE_URL": f"file://{layout.objects}",
        "CAUCE_CHECKPOINT_URL": f"file://{layout.checkpoints}",
        "CAUCE_ARCHIVE_URL": f"file://{layout.archive}",
        "CAUCE_GATEWAY_URL": endpoints.gateway_url,
        "CAUCE_API_KEYS": json.dumps({**json.loads(inherited.get("CAUCE_API_KEYS") or "{}"), key_digest(key): COMPANY}),
        "CAUCE_OPERATOR_KEYS": inherited.get("CAUCE_OPERATOR_KEYS") or json.dumps([key_digest(key)]),
        "CAUCE_SPARK_JARS": ",".join(str(jar) for jar in tools.spark_jars),
        **({"CAUCE_SPARK_CLASS_ARCHIVE": str(tools.classes.spark)} if tools.classes else {}),
    }


def program(instance: Instance, port: int, env: Mapping[str, str], key: str) -> Program:
    """`key` is the development key, which the dashboard alone is given."""
    module = STREAMING if instance.service == STREAMING else f"services.{instance.service}"
    own = {"CAUCE_DASHBOARD_KEY": key} if instance.service == DASHBOARD else {}
    side = "HTTP" if instance.service in (GATEWAY, DASHBOARD) else "HEALTH"
    return Program(
        name=instance.name,
        kind=Kind.SERVICE,
        argv=[sys.executable, "-m", module],
        env={
            **env,
            **own,
            "CAUCE_INSTANCE": instance.name,
            f"CAUCE_{side}_HOST": HOST,
            f"CAUCE_{side}_PORT": str(port),
        },
        cwd=ROOT,
        port=port,
        probe=http_probe(f"http://{HOST}:{port}/ready"),
        stop_seconds=35.0,
    )
