from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic_settings import BaseSettings
from starlette.routing import Route

from compose.local.services import SERVICES
from compose.new_key import line_for
from services.api_gateway.settings import GatewaySettings
from services.dashboard.settings import DashboardSettings
from services.db_writer.settings import DbWriterSettings
from services.docproc.settings import DocprocSettings
from services.embedding.settings import EmbeddingSettings
from services.ingest.settings import IngestSettings
from shared.runtime.health import Health, routes
from shared.settings import CommonSettings
from streaming.settings import Settings as StreamingSettings
from tests.compose.files import BASE, FOLDER, MYSQL, TEST, load

KEYS = line_for("demo", "key").partition("=")[2].strip("'")
SETTINGS: Mapping[str, tuple[type[BaseSettings], ...]] = {
    "init": (CommonSettings, DbWriterSettings),
    "api_gateway": (GatewaySettings,),
    "ingest": (IngestSettings,),
    "docproc": (DocprocSettings,),
    "embedding": (EmbeddingSettings,),
    "db_writer": (DbWriterSettings,),
    "dashboard": (DashboardSettings,),
    "streaming": (StreamingSettings,),
}
SERVERS = {"kafka", "mysql", "mongodb"}
STACKS = [(BASE,), (BASE, MYSQL), (BASE, TEST)]
GRACE_OF_HTTP = 10

Service = dict[str, Any]


def services(*names: str) -> dict[str, Service]:
    found: dict[str, Service] = load(*names, CAUCE_API_KEYS=KEYS)["services"]
    return found


def environment(service: Service) -> dict[str, str]:
    return {name: value for name, value in service["environment"].items() if value is not None}


def variables_of(settings: type[BaseSettings]) -> set[str]:
    prefix = settings.model_config.get("env_prefix", "")
    return {str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in settings.model_fields.items()}


def asked(service: Service) -> tuple[int, str]:
    """Port and path of a health check."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", service["healthcheck"]["test"][-1])
    assert found
    return int(found[1]), found[2]


def mebibytes(text: str) -> int:
    return int(text[:-1]) * {"M": 1, "G": 1024}[text[-1]]


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
def test_the_files_name_the_whole_fleet(names: tuple[str, ...]) -> None:
    """With each overlay there are the servers, the initialiser and every service that the local stack has."""
    assert set(services(*names)) == {*SERVERS, "init", *SERVICES}


@pytest.mark.parametrize("name", [BASE, MYSQL, TEST])
def test_a_file_opens_with_its_usage(name: str) -> None:
    """Whoever opens a file sees first what to type."""
    opening = (FOLDER / name).read_text().split("\nservices:")[0]
    assert opening.startswith("# ")
    assert f"-f compose/{name}" in opening


def test_a_missing_key_is_explained() -> None:
    """Without an API key nothing starts, and the message is the command that makes one."""
    with pytest.raises(KeyError, match=r"python3 compose/new_key\.py"):
        load(BASE)


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
@pytest.mark.parametrize("name", SETTINGS)
def test_every_variable_is_a_setting_with_a_good_value(
    name: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service is told nothing that it doesn't know, and takes what it is told."""
    service = services(*names)[name]
    known = set[str]().union(*map(variables_of, SETTINGS[name]))
    assert {one for one in service["environment"] if not one.startswith("AWS_")} <= known
    for variable in known:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment(service).items():
        monkeypatch.setenv(variable, value)
    for settings in SETTINGS[name]:
        settings()


def test_one_broker_holds_one_copy() -> None:
    """The topics are made for the one broker that there is."""
    assert environment(services(BASE)["init"])["CAUCE_REPLICATION_FACTOR"] == "1"


@pytest.mark.parametrize("name", SERVICES)
def test_health_checks_ask_where_the_code_answers(name: str) -> None:
    """A health check uses the port that the service is told and a path that every process serves."""
    service = services(BASE)[name]
    port, path = asked(service)
    told = environment(service)
    assert port == int(told.get("CAUCE_HTTP_PORT") or told["CAUCE_HEALTH_PORT"])
    assert path in {route.path for route in routes(Health("any")) if isinstance(route, Route)}


def test_only_the_gateway_and_the_dashboard_are_published() -> None:
    """Everything else can be scaled freely; the dashboard, which has no login, is for this machine unless opened."""
    published = {name: service["ports"] for name, service in services(BASE).items() if "ports" in service}
    assert published == {"api_gateway": ["8000:8000"], "dashboard": ["127.0.0.1:8501:8501"]}
    assert environment(services(BASE)["api_gateway"])["CAUCE_HTTP_PORT"] == "8000"
    assert environment(services(BASE)["dashboard"])["CAUCE_HTTP_PORT"] == "8501"


def test_the_dashboard_knows_the_gateway() -> None:
    """It asks the gateway by its name and port, with the key of the `.env` file."""
    fleet = load(BASE, CAUCE_API_KEYS=KEYS, CAUCE_DASHBOARD_KEY="key")["services"]
    told = environment(fleet["dashboard"])
    assert told["CAUCE_GATEWAY_URL"] == f"http://api_gateway:{environment(fleet['api_gateway'])['CAUCE_HTTP_PORT']}"
    assert told["CAUCE_DASHBOARD_KEY"] == "key"


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
def test_everything_is_watched_limited_and_restarted(names: tuple[str, ...]) -> None:
    """Every container has limits, all but the one-shot initialiser a health check and `unless-stopped`."""
    for name, service in services(*names).items():
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
        assert "container_name" not in service
        if name == "init":
            assert service["restart"] == "on-failure"
        else:
            assert service["restart"] == "unless-stopped"
            assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_stop_leaves_time_for_the_drain(name: str) -> None:
    """The kill comes after the longest drain and the end of the HTTP side."""
    grace = float(services(BASE)[name]["stop_grace_period"].removesuffix("s"))
    assert grace > CommonSettings.model_fields["drain_seconds"].default + GRACE_OF_HTTP


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
def test_what_is_waited_for_exists(names: tuple[str, ...]) -> None:
    """`depends_on` names services, and who must be healthy has a health check."""
    fleet = services(*names)
    for service in fleet.values():
        for name, wait in service.get("depends_on", {}).items():
            assert name in fleet
            assert wait["condition"] != "service_healthy" or fleet[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", SETTINGS)
def test_commands_are_modules_of_ours(name: str) -> None:
    """What a container runs can be imported."""
    command = " ".join(services(BASE)[name]["command"])
    modules = re.findall(r"python -m ([\w.]+)", command)
    assert modules
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


@pytest.mark.parametrize("names", STACKS, ids=" + ".join)
def test_volumes_are_declared(names: tuple[str, ...]) -> None:
    """Every volume that is mounted is declared, the declarations are there, and with MySQL no file of MariaDB's is
    touched."""
    stack = load(*names, CAUCE_API_KEYS=KEYS)
    mounted = {volume.split(":")[0] for one in stack["services"].values() for volume in one.get("volumes", ())}
    folders = {name for name in mounted if name.startswith(".")}
    assert folders == {"../streams"}
    assert mounted - folders <= stack["volumes"].keys()
    assert ("mariadb-data" in mounted) != (MYSQL in names)


def test_parsers_fit_into_docprocs_memory() -> None:
    """All parsers at their cap, and 256 MiB for the process itself, stay below the container's limit."""
    docproc = services(BASE)["docproc"]
    told = environment(docproc)
    parsers = int(told["CAUCE_PARSE_WORKERS"]) * int(told["CAUCE_PARSE_MEMORY_BYTES"]) // 1024**2
    assert parsers + 256 <= mebibytes(docproc["deploy"]["resources"]["limits"]["memory"])


def test_services_reach_the_servers_by_their_names() -> None:
    """Addresses hold the names and passwords that the servers are given, also when these are changed."""
    told = {"CAUCE_API_KEYS": KEYS, "CAUCE_MYSQL_PASSWORD": "one", "CAUCE_MONGODB_PASSWORD": "two"}
    fleet = load(BASE, MYSQL, **told)["services"]
    writer = environment(fleet["db_writer"])
    assert writer["KAFKA_BOOTSTRAP_SERVERS"] in fleet["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert writer["CAUCE_MYSQL_URL"] == "mysql://cauce:one@mysql:3306/cauce"
    assert fleet["mysql"]["environment"]["MARIADB_PASSWORD"] == fleet["mysql"]["environment"]["MYSQL_PASSWORD"] == "one"
    assert writer["CAUCE_MONGODB_URL"].startswith("mongodb://cauce:two@mongodb:27017/")
    assert fleet["mongodb"]["environment"]["MONGO_INITDB_ROOT_PASSWORD"] == "two"
