from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.dead_letters.letters import Opened, opened, read
from shared.dead_letters.mending import BadTransform, Unmendable, load, merge_patch, patching
from shared.topics import DOCUMENTS_RAW
from tests.shared.dead_letters.samples import Office


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_that_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    """The examples of RFC 7396, appendix A."""
    before = json.dumps(target)
    assert merge_patch(target, patch) == result
    assert json.dumps(target) == before


def content(raw: bytes) -> Opened:
    office = Office()
    office.fail(office.write(1, raw=raw))
    [record] = office.broker.read(DOCUMENTS_RAW.dlq.name)
    letter = read(record)
    assert letter is not None
    return opened(letter, record)


def test_a_patch_leaves_what_is_no_object() -> None:
    """A text in the place of an event would be worse than what is there."""
    assert patching({"a": "ü"})(content(b'{"b":1.5}')) == '{"b":1.5,"a":"ü"}'.encode()
    for raw in (b"[]", b"{", b"", b"\xff"):
        with pytest.raises(Unmendable, match="no JSON object"):
            patching({"a": 1})(content(raw))


TRANSFORM = """
def transform(value, headers):
    if isinstance(value, bytes):
        return value.replace(b"\\xff", b"")
    if value["rating"] > 5:
        return None
    return value | {"ce": headers["ce_id"].decode()}
"""


def test_a_function_of_a_file_mends(tmp_path: Path) -> None:
    """It gets the value as the JSON says it, or the bytes; with None the letter stays."""
    file = tmp_path / "mend.py"
    file.write_text(TRANSFORM)
    mend = load(file)
    assert mend(content(b'{"rating": 4}')) == b'{"rating":4,"ce":"1"}'
    assert mend(content(b"\xffx")) == b"x"
    with pytest.raises(Unmendable, match="returned None"):
        mend(content(b'{"rating": 6}'))
    with pytest.raises(KeyError):
        mend(content(b"{}"))


def test_a_file_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    """Before anything is read or written."""
    file = tmp_path / "mend.py"
    with pytest.raises(BadTransform, match="can't be run"):
        load(file)
    file.write_text("def transform(:")
    with pytest.raises(BadTransform, match="can't be run"):
        load(file)
    file.write_text("transform = 1")
    with pytest.raises(BadTransform, match=r"has no function `transform\(value, headers\)`"):
        load(file)
