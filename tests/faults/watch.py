"""Looks at the stores while a case runs: of everything that has a version, the version only grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pymongo.errors import PyMongoError
from pymysql.err import MySQLError

from tests.faults.truth import COLLECTION, TABLE, Truth
from tests.faults.world import World

EVERY = 0.5
Versions = Mapping[str, Any]


@asynccontextmanager
async def never_backwards(world: World, truth: Truth) -> AsyncIterator[None]:
    """Raises AssertionError at the end where an older version was seen after a newer one."""
    stop = asyncio.Event()
    watching = asyncio.create_task(_watch(world, truth, stop))
    try:
        yield
    finally:
        stop.set()
        broken = await watching
    assert not broken, "\n".join(broken)


async def _watch(world: World, truth: Truth, stop: asyncio.Event) -> list[str]:
    reached: dict[str, Any] = {}
    broken = []
    while not stop.is_set():
        seen = await asyncio.to_thread(_seen, world, truth)
        broken += [
            f"{name} went back from {reached[name]} to {at}" for name, at in seen.items() if at < reached.get(name, at)
        ]
        reached |= seen
        await asyncio.sleep(EVERY)
    return broken


def _seen(world: World, truth: Truth) -> Versions:
    return {**_of_mysql(world, truth), **_of_mongodb(world, truth)}


def _of_mysql(world: World, truth: Truth) -> Versions:
    """Nothing while it is away."""
    query = f"SELECT movieId, _epoch, count FROM {TABLE} WHERE window_start = %s"
    try:
        rows = world.rows(query, truth.first_window.replace(tzinfo=None))
    except MySQLError:
        return {}
    return {f"film {film}": (epoch, counted) for film, epoch, counted in rows}


def _of_mongodb(world: World, truth: Truth) -> Versions:
    try:
        with world.mongo() as database:
            mine = {"company_id": truth.company}
            documents = list(database.documents.find(mine, ["version", "current.version"]))
            readings = list(
                database[COLLECTION].find({"_id": {"$regex": f"^{truth.company}-"}}, ["event_time", "_offset"])
            )
    except PyMongoError:
        return {}
    return {
        **{f"document {row['_id']}": row["version"] for row in documents},
        **{f"readers of {row['_id']}": row["current"]["version"] for row in documents if row.get("current")},
        **{f"reading {row['_id']}": (row["event_time"], row["_offset"]) for row in readings},
    }
