"""Acts on what becomes of documents: prints a line for each that is complete, failed or deleted. Ends with Ctrl-C.

Offsets are committed after the action, so that a crash repeats it and leaves none out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import Any

from aiokafka import AIOKafkaConsumer

FINAL = ("complete", "failed", "deleted")


async def main() -> None:
    consumer = AIOKafkaConsumer(
        "documents.status",
        bootstrap_servers=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
        group_id=os.environ.get("GROUP_ID", "example.on-document"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    newest: dict[str, int] = {}
    async with consumer:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    act(json.loads(record.value or "null"), newest)
            await consumer.commit()


def act(status: dict[str, Any], newest: dict[str, int]) -> None:
    document, version = status["document_id"], status["version"]
    if status["state"] in FINAL and version >= newest.get(document, 0):
        newest[document] = version
        print(f"{status['state']:<8} {document} version {version}: {told(status)}", flush=True)


def told(status: dict[str, Any]) -> str:
    match status["state"]:
        case "complete":
            return f"{status['counts']['chunks']} chunks"
        case "failed":
            return f"{status['reason']['code']}: {status['reason']['message']}"
        case _:
            return ", ".join(f"{count} {what}" for what, count in (status["receipt"] or {}).items())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
