"""From what is asked for, remembered and on the disk to the programs that make a fleet."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from compose.local import ports, services
from compose.local.errors import LocalStackError
from compose.local.ports import HOST
from compose.local.processes import FLEET_VARIABLE
from compose.local.program import Program
from compose.local.provision import Tools
from compose.local.remembered import Remembered, development_key
from compose.local.servers import kafka, mariadb, mongod
from compose.local.services import DASHBOARD, GATEWAY, Instance
from compose.local.settings import Layout
from compose.local.state import Endpoints

SERVER_PORTS = ("kafka", "kafka_controller", "mariadb", "mongodb")


@dataclass(frozen=True)
class Wish:
    """What the user asked for: processes per service and ports by name, both only where they differ from the rule."""

    scale: Mapping[str, int] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


def parse_ports(texts: list[str]) -> dict[str, int]:
    """Read `kafka=9092` and the like; `gateway` stands for the (first) gateway. Raises LocalStackError."""
    return dict(_parse_port(text) for text in texts)


def _parse_port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    name = GATEWAY if name == "gateway" else name
    known = (*SERVER_PORTS, *services.SERVICES)
    if name.rsplit("-", 1)[0] not in known:
        raise LocalStackError(f"no port is called `{name}`", advice=f"there are: gateway, {', '.join(known)}")
    if not number.isdecimal() or not 0 < int(number) < 65536:
        raise LocalStackError(f"`{text}` is not a port", advice=f"write it as: --port {name}=9000")
    return name, int(number)


@dataclass(frozen=True)
class Plan:
    """Every program of the fleet, not started. `env` is what they all share, for one-shot commands too."""

    fleet_id: str
    key: str
    endpoints: Endpoints
    env: Mapping[str, str]
    remembered: Remembered
    instances: list[Instance]


def make_plan(wish: Wish, layout: Layout, tools: Tools, environment: Mapping[str, str]) -> Plan:
    """Choose ports and write down what a restart must find again. Raises LocalStackError for a port that is taken."""
    fleet_id = uuid.uuid4().hex
    instances = services.instances(wish.scale)
    remembered = Remembered.load(layout.remembered)
    chosen = choose_ports(wish.ports, remembered.ports, instances)
    remembered = remembered.model_copy(update={"ports": {**remembered.ports, **chosen}})
    remembered.save(layout.remembered)
    key = development_key(layout.api_key)
    endpoints = _endpoints(remembered, instances)
    env = services.shared_environment(environment, endpoints, layout, tools, key)
    return Plan(fleet_id, key, endpoints, {**env, FLEET_VARIABLE: fleet_id}, remembered, instances)


def choose_ports(asked: Mapping[str, int], known: Mapping[str, int], instances: list[Instance]) -> dict[str, int]:
    """The gateway, the dashboard and the servers keep their ports over a restart; the others are nobody's business."""
    gateways = [instance.name for instance in instances if instance.service == GATEWAY]
    dashboards = [instance.name for instance in instances if instance.service == DASHBOARD]
    names = [*SERVER_PORTS, *(instance.name for instance in instances)]
    preferred = dict.fromkeys(gateways[:1], 8000) | dict.fromkeys(dashboards[:1], 8501)
    return ports.choose(names, asked, known, preferred, {*SERVER_PORTS, *gateways, *dashboards})


def _endpoints(remembered: Remembered, instances: list[Instance]) -> Endpoints:
    numbers = remembered.ports
    gateway = _first_port(GATEWAY, numbers, instances)
    dashboard = _first_port(DASHBOARD, numbers, instances)
    login = f"{mariadb.USER}:{remembered.mysql_password}"
    return Endpoints(
        gateway_url=f"http://{HOST}:{gateway}" if gateway else "",
        dashboard_url=f"http://{HOST}:{dashboard}" if dashboard else "",
        kafka=f"{HOST}:{numbers['kafka']}",
        mysql_url=f"mysql://{login}@{HOST}:{numbers['mariadb']}/{mariadb.DATABASE}",
        mongodb_url=mongod.url(numbers["mongodb"]),
    )


def _first_port(service: str, numbers: Mapping[str, int], instances: list[Instance]) -> int | None:
    return next((numbers[instance.name] for instance in instances if instance.service == service), None)


async def server_programs(plan: Plan, layout: Layout, tools: Tools) -> list[Program]:
    """Prepare the servers' folders, which takes seconds the first time, and say how to start them."""
    numbers, password = plan.remembered.ports, plan.remembered.mysql_password
    kafka_folder, mariadb_folder = layout.data("kafka"), layout.data("mariadb")
    properties, _ = await asyncio.gather(
        asyncio.to_thread(
            kafka.prepare,
            kafka_folder,
            tools,
            numbers["kafka"],
            numbers["kafka_controller"],
            plan.remembered.kafka_cluster_id,
        ),
        asyncio.to_thread(mariadb.prepare, mariadb_folder, tools, password),
    )
    return [
        kafka.program(properties, tools, numbers["kafka"], plan.env),
        mariadb.program(mariadb_folder, tools, numbers["mariadb"], password, plan.env),
        mongod.program(layout.data("mongodb"), tools, numbers["mongodb"], plan.env),
    ]


def service_programs(plan: Plan) -> list[Program]:
    return [
        services.program(instance, plan.remembered.ports[instance.name], plan.env, plan.key)
        for instance in plan.instances
    ]
