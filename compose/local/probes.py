"""Asking servers and services whether they can be used, over the protocols that their users speak."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable

import httpx
import pymongo
import pymysql
from pymongo.errors import PyMongoError

from compose.local.ports import HOST
from compose.local.program import Probe, Unready
from shared.errors import Transient
from shared.kafka.client import Connection, KafkaAdmin

_SECONDS = 3
# Else each probe would load every certificate authority there is.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def kafka_probe(bootstrap: str) -> Probe:
    """Ready when the broker answers a metadata request that names itself."""
    connection = Connection(bootstrap, client_id="cauce-probe")

    async def probe() -> Unready | None:
        try:
            async with asyncio.timeout(_SECONDS), KafkaAdmin(connection) as admin:
                brokers = await admin.brokers()
        except (Transient, TimeoutError) as error:
            return Unready(f"no answer to a metadata request: {error or 'too slow'}")
        return None if brokers else Unready("no broker is registered yet")

    return probe


def mysql_probe(port: int, user: str, password: str, database: str) -> Probe:
    """Ready when `SELECT 1` works for the very user and database that the services use."""

    def ask() -> Unready | None:
        try:
            with pymysql.connect(
                host=HOST,
                port=port,
                user=user,
                password=password,
                database=database,
                connect_timeout=_SECONDS,
                read_timeout=_SECONDS,
                write_timeout=_SECONDS,
            ) as connection:
                connection.cursor().execute("SELECT 1")
        except pymysql.MySQLError as error:
            return Unready(f"`SELECT 1` fails: {error.args[-1] if error.args else error}")
        return None

    return in_thread(ask)


def mongodb_probe(url: str) -> Probe:
    """Ready when `ping` is answered. One client for all questions: the server logs every connection."""
    client = pymongo.MongoClient[dict[str, object]](url, timeoutMS=_SECONDS * 1000, connect=False)

    def ask() -> Unready | None:
        try:
            client.admin.command("ping")
        except PyMongoError as error:
            return Unready(f"`ping` fails: {str(error).split(',')[0]}")
        return None

    return in_thread(ask)


def http_probe(url: str) -> Probe:
    """Ready when a GET is answered with 200. What lasts is the whole reason."""

    async def probe() -> Unready | None:
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False, verify=_NO_TLS) as client:
                answer = await client.get(url)
        except httpx.HTTPError as error:
            return Unready(f"{url} does not answer: {error or type(error).__name__}")
        return None if answer.status_code == httpx.codes.OK else _unready(answer)

    return probe


def _unready(answer: httpx.Response) -> Unready:
    """What a /ready complains about, or the text as it is where it is of another form."""
    with contextlib.suppress(ValueError, AttributeError, KeyError, TypeError):
        body = answer.json()
        problems, lasting = body["problems"], body.get("lasting", [])
        told = "; ".join(_named(name, problems[name]) for name in lasting or problems)
        return Unready(told if lasting else f"{answer.status_code}: {told}", bool(lasting))
    return Unready(f"{answer.status_code}: {answer.text[:200]}")


def _named(name: str, why: str) -> str:
    return why if why.startswith(f"{name}: ") else f"{name}: {why}"


def in_thread(ask: Callable[[], Unready | None]) -> Probe:
    async def probe() -> Unready | None:
        return await asyncio.to_thread(ask)

    return probe
