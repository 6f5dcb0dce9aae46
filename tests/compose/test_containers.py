"""The compose files for real: images are built, the fleet runs in containers, documents go in and come out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from compose.local.ports import free_port
from compose.local.services import SERVICES
from compose.new_key import line_for
from tests.compose.engines import Engine, Project, find_engine
from tests.compose.files import BASE, ROOT, TEST

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1700)]

KEY = f"test_{secrets.token_urlsafe(12)}"
EXAMPLES = ROOT / "examples" / "documents"
SERVERS = ("kafka", "mysql", "mongodb")
SCALE = {"docproc": 2, "embedding": 2}
BATCH = 40
SUM_OF_WINDOWS = """
import os, pymysql
connection = pymysql.connect(host="127.0.0.1", user="cauce", password=os.environ["MARIADB_PASSWORD"], database="cauce")
with connection, connection.cursor() as cursor:
    cursor.execute("SELECT COALESCE(SUM(chunk_count), 0) FROM chunk_counts_1m WHERE company_id = 'demo'")
    print(cursor.fetchone()[0])
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    found = find_engine()
    if found is None:
        pytest.skip("neither Podman (with podman-compose) nor Docker (with Compose) answers here")
    return found


@pytest.fixture(scope="module")
def project(engine: Engine) -> Iterator[Project]:
    """The whole fleet, up and healthy, with docproc and embedding twice."""
    variables = {
        "CAUCE_API_KEYS": line_for("demo", KEY).partition("=")[2].strip("'"),
        "CAUCE_GATEWAY_PORT": f"127.0.0.1:{free_port()}",
        "CAUCE_DASHBOARD_KEY": KEY,
        "CAUCE_DASHBOARD_PORT": f"127.0.0.1:{free_port()}",
        "CAUCE_IMAGE_TAG": "test",
    }
    project = Project(engine, f"cauce-test-{secrets.token_hex(4)}", (BASE, TEST), variables)
    project.build("kafka", "init", "streaming", "dashboard")
    try:
        # In steps, since Podmans before 4.6 don't wait for `service_healthy` by themselves.
        project.up(*SERVERS)
        project.wait_healthy(*SERVERS, seconds=180)
        project.up("init")
        project.wait_done("init", seconds=120)
        project.up(*(service for service in SERVICES if service not in SCALE))
        for service, copies in SCALE.items():
            project.scale(service, copies)
            assert len(project.members(service)) == copies
        project.wait_healthy(*SERVICES, seconds=240)
        yield project
    finally:
        project.down()
        assert project.leftovers() == []


@pytest.fixture(scope="module")
def gateway(project: Project) -> Iterator[httpx.Client]:
    """Speaks to the published port."""
    url = f"http://{project.variables['CAUCE_GATEWAY_PORT']}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False) as client:
        yield client


def upload(gateway: httpx.Client, name: str, content: bytes) -> str:
    answer = gateway.post("/upload", files={"file": (name, content)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["document_id"])


def patiently(seconds: float) -> Retrying:
    return Retrying(
        retry=retry_if_exception_type((AssertionError, httpx.TransportError)),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.5),
        reraise=True,
    )


def complete(gateway: httpx.Client, document: str) -> dict[str, Any]:
    answer = gateway.get(f"/documents/{document}")
    assert answer.status_code == 200, answer.text
    status: dict[str, Any] = answer.json()
    assert status["state"] == "complete", status
    return status


def story(number: int) -> bytes:
    paragraphs = [f"Paragraph {part} of story {number}: {'the river runs to the sea. ' * 40}" for part in range(8)]
    return "\n\n".join(paragraphs).encode()


def test_a_document_goes_in_and_comes_out(gateway: httpx.Client) -> None:
    """What is posted to the published port ends complete, and its text can be read back as chunks."""
    document = upload(gateway, "cauce.txt", b"Cauce is the bed in which a river runs.")
    status = patiently(120)(complete, gateway, document)
    assert status["counts"]["chunks"] == status["counts"]["vectors"] == 1
    chunks = gateway.get(f"/documents/{document}/chunks").json()
    assert "the bed in which a river runs" in str(chunks)


def test_every_format_is_read_in_the_container(gateway: httpx.Client) -> None:
    """The example documents end complete: nothing that a parser needs is missing in the image or above its limits."""
    documents = {path.name: upload(gateway, path.name, path.read_bytes()) for path in sorted(EXAMPLES.iterdir())}
    assert len(documents) > 5
    for document in documents.values():
        patiently(120)(complete, gateway, document)


def test_the_copies_take_over_from_killed_ones(project: Project, gateway: httpx.Client) -> None:
    """With one docproc and one embedding killed while documents are under way, every document ends complete."""
    documents = [upload(gateway, f"story-{number}.txt", story(number)) for number in range(BATCH // 2)]
    for service in SCALE:
        victim, survivor = project.members(service)
        project.containers("kill", "--signal=KILL", victim)
        assert project.containers("inspect", "--format={{.State.Running}}", survivor).strip() == "true"
    documents += [upload(gateway, f"story-{number}.txt", story(number)) for number in range(BATCH // 2, BATCH)]
    for document in documents:
        patiently(180)(complete, gateway, document)


def test_windows_count_every_chunk(project: Project, gateway: httpx.Client) -> None:
    """The counts that Spark's container sends to the tables add up to the chunks of all documents."""
    documents = gateway.get("/documents", params={"limit": 100}).json()["documents"]
    chunks = sum(document["counts"]["chunks"] for document in documents)
    [mysql] = project.members("mysql")

    def counted() -> None:
        assert int(project.containers("exec", mysql, "python", "-c", SUM_OF_WINDOWS)) == chunks > BATCH

    patiently(120)(counted)
