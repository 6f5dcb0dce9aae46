"""Each cell of the table of losses in docs/guarantees.md, on a world of its own: a log that was lost stays lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from shared.topics import CHUNKS_PROCESSED, DOCUMENTS_RAW, DOCUMENTS_STATUS, UPLOADS_RECEIVED
from tests.faults.losses import (
    Loss,
    LossWorld,
    anew,
    anew_under_load,
    both,
    cut,
    lose_controls,
    lose_everything,
    lose_everything_unread,
    older_stores,
    run,
)
from tests.faults.proxy import Proxy

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(600, func_only=True)]

REFUSED = "said by those concerned, uploads answered 503; adopted, everything accepted is complete"
BY_ITSELF = "goes on by itself: what one side lacks the other has"
STORES = "the stores are kept"
OLDER = "the stores are those of before"

LOSSES = (
    Loss("Kafka's data", STORES, lose_everything, ("api_gateway", "db_writer"), REFUSED),
    Loss("Kafka's data, with uploads unread", STORES, lose_everything_unread, ("api_gateway", "db_writer"), REFUSED),
    Loss("Kafka's data", OLDER, both(lose_everything), ("api_gateway", "db_writer"), REFUSED),
    Loss("`uploads.received`, made anew", STORES, anew(UPLOADS_RECEIVED), ("api_gateway", "ingest"), REFUSED),
    Loss(
        "`uploads.received`, made anew under load",
        STORES,
        anew_under_load(UPLOADS_RECEIVED),
        ("api_gateway", "ingest"),
        REFUSED,
    ),
    Loss("`uploads.received`, made anew", OLDER, both(anew(UPLOADS_RECEIVED)), ("api_gateway", "ingest"), REFUSED),
    Loss("the end of `uploads.received`", STORES, cut(UPLOADS_RECEIVED), ("api_gateway",), REFUSED),
    Loss("`documents.raw`, made anew", STORES, anew(DOCUMENTS_RAW), ("docproc",), REFUSED),
    Loss("`documents.raw`, made anew under load", STORES, anew_under_load(DOCUMENTS_RAW), ("docproc",), REFUSED),
    Loss("`chunks.processed`, made anew", STORES, anew(CHUNKS_PROCESSED), ("embedding", "db_writer"), REFUSED),
    Loss("`documents.status`, made anew", STORES, anew(DOCUMENTS_STATUS), ("db_writer",), REFUSED),
    Loss("`topics.control` and `streams.control`", STORES, lose_controls, (), BY_ITSELF),
    Loss("nothing", OLDER, older_stores, (), BY_ITSELF),
)


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LossWorld]:
    with Proxy() as proxy:
        world = LossWorld(tmp_path_factory.mktemp("losses"), proxy)
        try:
            asyncio.run(world.begin())
            yield world
        finally:
            world.end()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name.replace(" ", "-"))
async def test_loss(world: LossWorld, loss: Loss) -> None:
    """Accepted stays accepted, or is refused before it is; nothing is skipped, repeated or overwritten in silence."""
    await run(world, loss)
