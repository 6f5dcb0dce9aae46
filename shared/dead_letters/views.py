"""Dead letters as JSON and as words, for `cauce dlq` and for the gateway."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.base import format_instant
from shared.dead_letters.book import Entry, Kind, State, Tally
from shared.dead_letters.letters import Opened
from shared.streams.units import parse_duration


def summary(entry: Entry) -> dict[str, Any]:
    """A row of a list."""
    letter, action = entry.letter, entry.action
    return {
        "identity": str(entry.identity),
        "state": entry.state.value,
        "failures": letter.failures,
        "group": letter.identity.group,
        "topic": letter.identity.topic,
        "partition": letter.identity.partition,
        "offset": letter.identity.offset,
        "service": letter.service,
        "stage": letter.stage,
        "code": letter.code,
        "message": letter.message,
        "attempts": letter.attempts,
        "key": letter.key_text,
        "size_bytes": letter.size,
        "recorded_at": format_instant(letter.recorded_at),
        "first_failed_at": format_instant(letter.first_failed_at),
        "failed_at": format_instant(letter.failed_at),
        "action": action.model_dump(mode="json", exclude={"identity", "run"}) if action else None,
    }


def whole(entry: Entry, content: Opened) -> dict[str, Any]:
    """With what is inside: `value` as JSON where it is some, else `value_text`, where bytes that are no text show as
    `\ufffd`. `status_path` is the gateway's, of the document that it is about."""
    document = content.document
    text = None if content.value is None else content.value.decode(errors="replace")
    return summary(entry) | {
        "message": content.message,
        "headers": {name: (value or b"").decode(errors="replace") for name, value in content.headers},
        "value": document,
        "value_text": text if document is None else None,
        "document_id": content.document_id,
        "status_path": f"/documents/{content.document_id}" if content.document_id else None,
    }


def counted(kind: Kind, tally: Tally) -> dict[str, Any]:
    """A row of statistics: how many are in each state."""
    oldest = format_instant(tally.oldest) if tally.oldest else None
    return {**kind._asdict(), **{state.value: tally.states[state] for state in State}, "oldest": oldest}


def moment(text: str) -> datetime:
    """`2026-01-02T03:04:05Z`, or how long ago: `90m`. Without a zone it is in UTC. Raises ValueError."""
    for read in (_so_long_ago, _at):
        with contextlib.suppress(ValueError, OverflowError):
            return read(text)
    raise ValueError("must be a time such as `2026-01-02T03:04:05Z`, or how long ago: `90m`, `2h`, `7d`")


def _so_long_ago(text: str) -> datetime:
    return datetime.now(UTC) - parse_duration(text)


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def ago(then: datetime, now: datetime) -> str:
    """In the unit that says most: `5m`, `3h`, `2d`."""
    span = max(now - then, timedelta(0))
    days, hours, minutes = span.days, span.seconds // 3600, span.seconds // 60
    return f"{days}d" if days else f"{hours}h" if hours else f"{minutes}m" if minutes else f"{span.seconds}s"


def lines(whole: dict[str, Any], gateway_url: str) -> list[str]:
    """What `whole` says, to be read by a person."""
    times = f"{whole['failures']} failures, the first at {whole['first_failed_at']}, this one at {whole['failed_at']}"
    told = [
        f"{whole['identity']}: {whole['state']}",
        f"  {whole['code']} in {whole['service']}, after {whole['attempts']} attempts; {times}",
        f"  record of {whole['recorded_at']}, key {whole['key']}, {whole['size_bytes']} bytes",
        *([f"  document: {gateway_url}{whole['status_path']}"] if whole["status_path"] else []),
        *([_done(whole["action"])] if whole["action"] else []),
        "error:",
        *(f"  {line}" for line in whole["message"].splitlines()),
        "headers:",
        *(f"  {name}: {value}" for name, value in whole["headers"].items()),
        "value:",
    ]
    if whole["value_text"] is not None:
        return [*told, *(f"  {line}" for line in whole["value_text"].splitlines())]
    text = json.dumps(whole["value"], indent=2, ensure_ascii=False)
    return [*told, *(f"  {line}" for line in text.splitlines())]


def _done(action: dict[str, Any]) -> str:
    where = f", now {action['position']}" if action["position"] else ""
    why = f": {action['why']}" if action["why"] else ""
    return f"  {action['action']} by {action['by']} at {action['at']}{where}{why}"
