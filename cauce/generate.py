"""`cauce generate`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from random import Random
from typing import Annotated

import typer
from rich.live import Live

from cauce.cluster import cluster, stream_named
from cauce.console import out, say
from cauce.gateway import Gateway, address
from cauce.options import Key, Url
from cauce.sending import GatewayTarget, Sender, Target, TopicTarget, Wanted, picture, summary
from compose.local.errors import LocalStackError
from compose.local.settings import LocalSettings
from shared.kafka.client import KafkaProducer
from shared.streams.declaration import Stream
from shared.streams.generators.models import model_for

_PICTURE_SECONDS = 0.25


class To(StrEnum):
    """Which way events go in."""

    GATEWAY = "gateway"
    TOPIC = "topic"


def generate(
    name: Annotated[str, typer.Argument(metavar="STREAM", help="A declared stream; yours too.")],
    *,
    rate: Annotated[float, typer.Option(min=0, help="Events a second; 0 is as fast as possible.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events, but for their times.")] = 7,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many events.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after so many seconds.")] = None,
    bad: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="Send rubbish of every kind too; straight to the topic."),
    ] = 0,
    to: Annotated[To | None, typer.Option(help="Through the gateway (the default), or straight to the topic.")] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send made-up events to a declared stream, with live counters, until Ctrl-C.

    Ratings, sensors and views look real; events of any other stream are random within its declaration's rules.

    \b
    cauce generate ratings --rate 100
    cauce generate sensors.air --rate 20 --seconds 60
    cauce generate ratings --rate 0 --count 1000000 --to topic
    cauce generate ratings --count 10000 --bad 0.05
    """
    stream = stream_named(name)
    if stream.of_pipeline:
        raise LocalStackError(f"`{stream.topic_name}` is written by the services", advice="cauce upload FILE…")
    if bad and to is To.GATEWAY:
        raise LocalStackError("the gateway takes no rubbish", advice="leave out --to, or give --to topic")
    wanted = Wanted(rate, count, seconds, bad)

    async def work() -> None:
        async with _target(stream, to if not bad else To.TOPIC, url, key) as target:
            random = Random(seed)  # noqa: S311 nothing secret
            await _show(Sender(stream, model_for(stream, seed), target, wanted, random))

    with suppress(KeyboardInterrupt):
        asyncio.run(work())


@asynccontextmanager
async def _target(stream: Stream, to: To | None, url: str | None, key: str | None) -> AsyncIterator[Target]:
    if to is To.TOPIC:
        producer = KafkaProducer(cluster()[0])
        await producer.start()
        try:
            yield TopicTarget(producer, stream)
        finally:
            await producer.stop()
    else:
        async with Gateway(*address(url, key, LocalSettings())) as gateway:
            yield GatewayTarget(gateway, stream)


async def _show(sender: Sender) -> None:
    """The counters while it sends, a line at the end, however that comes."""
    with Live(picture(sender.counts), console=out, auto_refresh=False, transient=True) as live:
        drawing = asyncio.create_task(_draw(sender, live))
        try:
            await sender.run()
        finally:
            drawing.cancel()
            live.stop()
            say(summary(sender.counts))


async def _draw(sender: Sender, live: Live) -> None:
    while True:
        if out.is_terminal:
            live.update(picture(sender.counts), refresh=True)
        await asyncio.sleep(_PICTURE_SECONDS)
