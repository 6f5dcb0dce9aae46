"""`cauce delete`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cauce.console import say
from cauce.following import until_final
from cauce.gateway import Gateway, Progress, address
from cauce.options import Key, Url
from compose.local.errors import LocalStackError
from compose.local.settings import LocalSettings
from shared.contracts.documents import State


def delete(
    documents: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids of documents.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="A document's name; may be given several times.")] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Delete documents with their chunks, vectors and stored files, and show what was removed.

    Another document of the same content stays. It can't be undone, but the same file can be uploaded again.

    \b
    cauce delete 0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11
    cauce delete --name handbook --name reports/2026/q1
    """
    if not documents and not name:
        raise LocalStackError("no document is named", advice="cauce delete ID…, or cauce delete --name NAME")
    asyncio.run(_delete(*address(url, key, LocalSettings()), documents or [], name or []))


async def _delete(url: str, key: str, documents: list[str], names: list[str]) -> None:
    async with Gateway(url, key) as gateway:
        asked = [*((gateway.delete, one) for one in documents), *((gateway.delete_named, one) for one in names)]
        for ask, told in asked:
            say(f"{told}: {describe(await until_final(gateway, await ask(told)))}")


def describe(progress: Progress) -> str:
    """What a deletion came to."""
    if progress.state is not State.DELETED or progress.receipt is None:
        return f"{progress.state}: uploaded again meanwhile"
    removed = progress.receipt
    said = f"deleted: stored files: {removed.objects}, chunks: {removed.chunks}, vectors: {removed.vectors}"
    if not removed.remains:
        return said
    last = max(topic.until for topic in removed.remains)
    return f"{said}; Kafka's topics forget it by {last:%Y-%m-%d}"
