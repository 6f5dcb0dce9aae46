from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cauce import dlq, dlq_desk
from compose.local.errors import LocalStackError
from shared.errors import Code
from shared.streams.loading import load_streams
from tests.shared.dead_letters.samples import Office


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    """The command at a broker in memory, each time with a desk of its own."""
    office = Office()
    monkeypatch.setattr(dlq_desk, "desk", office.new_desk)
    monkeypatch.setattr(dlq_desk, "producer", lambda: office.producer)
    monkeypatch.setattr(dlq, "gateway_url", lambda: "http://gateway")
    return office


def cauce(*words: str) -> Result:
    return CliRunner().invoke(dlq.app, words, terminal_width=200)


def said(*words: str) -> list[str]:
    done = cauce(*words)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def listed(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cauce("list", "--json", *words).stdout)
    return found


def test_list_stats_and_show(office: Office) -> None:
    """One that was written twice is one; the newest first; all about one, with the address of its document."""
    record = office.write(1)
    identity = office.fail(record, message="Traceback:\n  [here]\nZeroDivisionError: a bug")
    office.fail(record, message="Traceback:\n  [here]\nZeroDivisionError: a bug")
    other = office.fail(office.write(2), Code.CORRUPT)
    lines = said("list")
    assert lines[-1] == "2 dead letters"
    assert any(str(identity) in line and "ZeroDivisionError: a bug" in line for line in lines)
    assert said("list", "--limit", "1")[-1] == "2 dead letters, 1 shown: --limit shows more"
    assert [letter["identity"] for letter in listed("--code", "corrupt", "--since", "1h")] == [str(other)]
    assert [row["open"] for row in json.loads(cauce("stats", "--json").stdout)] == [1, 1]
    assert any("corrupt" in line for line in said("stats"))
    shown = said("show", str(identity))
    assert shown[0] == f"{identity}: open"
    assert "  document: http://gateway/documents/d1" in shown
    assert {"    [here]", "  ce_id: 1", '    "number": 1'} <= set(shown)
    assert json.loads(cauce("show", str(identity), "--json").stdout)["value"]["number"] == 1


def test_one_that_is_not_there(office: Office) -> None:
    """The way out is told."""
    done = cauce("show", "docproc/documents.raw/0/9")
    assert isinstance(done.exception, LocalStackError)
    assert done.exception.advice == "see what there is: cauce dlq list"


def test_redrive_and_again(office: Office, tmp_path: Path) -> None:
    """What would be done, what was done, what was left and why; mended by a patch or by a function."""
    first, second, third = (office.fail(office.write(number)) for number in (1, 2, 3))
    assert said("redrive", str(first), "--patch", '{"number": 7}', "--dry-run") == [
        f'would redrive {first}: {{"document_id":"d1","number":7}}',
        "1 would be redriven",
    ]
    assert office.redriven() == []
    assert (
        said("redrive", str(first), "--patch", '{"number": 7}', "--by", "me", "--reason", "a try")[-1] == "1 redriven"
    )
    assert said("redrive", str(first)) == [f"left {first}: redriven already", "0 redriven"]
    [letter] = listed("--state", "redriven")
    assert (letter["action"]["by"], letter["action"]["why"]) == ("me", "a try")
    file = tmp_path / "mend.py"
    file.write_text("def transform(value, headers):\n    return None if value['number'] == 2 else b'mended'\n")
    lines = said("redrive", "--code", "bug", "--transform", str(file), "--rate", "1000/s")
    assert lines[1:] == [f"left {second}: `transform` returned None for it", "1 redriven"]
    assert {record.value for record in office.redriven()} == {b'{"document_id":"d1","number":7}', b"mended"}
    assert [letter["identity"] for letter in listed()] == [str(second)]
    assert str(third) in lines[0]


def test_discard(office: Office) -> None:
    """Only with a reason."""
    identity = office.fail(office.write(1))
    assert cauce("discard", str(identity)).exit_code == 2
    assert said("discard", "--topic", "documents.raw", "--reason", "rubbish") == [
        f"discarded {identity}",
        "1 discarded",
    ]
    assert said("list") == ["0 dead letters"]
    assert "rubbish" in "\n".join(said("show", str(identity)))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["redrive"], "say which"),
        (["redrive", "a/b/1/2", "--code", "bug"], "not both"),
        (["redrive", "nonsense"], "group/topic/partition/offset"),
        (["redrive", "--code", "bug", "--patch", "{"], "is not JSON"),
        (["redrive", "--code", "bug", "--patch", "[]"], "must be a JSON object"),
        (["redrive", "--code", "bug", "--patch", "{}", "--transform", "x.py"], "not both"),
        (["redrive", "--code", "bug", "--rate", "fast"], "20/s"),
        (["redrive", "--code", "late", "--accept-time"], "say --why"),
        (["redrive", "--code", "late", "--accept-time", "--why", " "], "say --why"),
        (["list", "--since", "yesterday"], "how long ago"),
        (["list", "--state", "lost"], "must be one of"),
        (["discard", "--reason", "x"], "say which"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_write(words: list[str], why: str, office: Office) -> None:
    """Nothing is read or written."""
    done = cauce(*words)
    assert done.exit_code == 2
    assert why in " ".join(done.output.split())


RATINGS = next(stream for stream in load_streams() if stream.name == "ratings")


def test_a_late_event_goes_back_with_a_waiver_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one it is left with the way out; with one it is redriven, with the reason, and what to do about windows
    that are older than Spark keeps them."""
    office = Office([RATINGS])
    monkeypatch.setattr(dlq_desk, "desk", office.new_desk)
    monkeypatch.setattr(dlq_desk, "producer", lambda: office.producer)
    event = {"userId": 1, "movieId": 2, "rating": 3.5, "timestamp": 1_767_323_100_000}
    record = office.write(1, topic="ratings", raw=json.dumps(event).encode())
    identity = office.fail(record, Code.LATE, "streaming.ratings")
    left, counted = said("redrive", "--code", "late")
    assert counted == "0 redriven"
    assert "--accept-time --why" in left
    assert "cauce streams reset ratings" in left
    lines = said("redrive", "--code", "late", "--accept-time", "--why", "the broker's clock was ahead")
    assert lines[1] == "1 redriven"
    assert "`cauce streams reset ratings` counts them" in lines[2]
    [letter] = listed("--state", "redriven")
    assert letter["identity"] == str(identity)
    assert (letter["action"]["why"], letter["action"]["accept_time"]) == ("the broker's clock was ahead", True)
