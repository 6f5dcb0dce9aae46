"""Messages that were once written stay readable for ever: each sample is a record's value as some release wrote it.

A sample is never edited. When a contract changes, a new sample is added beside the old ones.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.topics import PIPELINE

SAMPLES = sorted((Path(__file__).parent / "golden").glob("*.json"))
CONTRACTS = {topic.name: topic.contract for topic in PIPELINE}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_old_messages_are_read(path: Path) -> None:
    """A sample is valid, and what it says comes out again unchanged."""
    contract = CONTRACTS[path.stem.rpartition(".")[0]]
    assert contract is not None
    event = contract.model_validate_json(path.read_bytes())
    written = json.loads(event.model_dump_json(by_alias=True))
    assert json.loads(path.read_bytes()).items() <= written.items()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_unknown_fields_are_ignored(path: Path) -> None:
    """A newer writer may add fields without breaking an older reader."""
    contract = CONTRACTS[path.stem.rpartition(".")[0]]
    assert contract is not None
    event = json.loads(path.read_bytes()) | {"a_field_of_tomorrow": "x"}
    contract.model_validate_json(json.dumps(event))


def test_every_contract_has_a_sample() -> None:
    """No topic's messages are without one."""
    assert {path.stem.rpartition(".")[0] for path in SAMPLES} == {name for name, c in CONTRACTS.items() if c}
