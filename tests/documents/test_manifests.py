"""What a manifest may say, and what is said of one that is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.manifests import NOTES, Expectation, ManifestError, read_manifest
from shared.errors import Code


def write(folder: Path, *lines: dict[str, Any] | str) -> Path:
    for name in ("a.txt", "first.txt"):
        (folder / name).write_text("The river begins here.")
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "manifest.jsonl").write_text("\n".join(texts) + "\n")
    return folder


def test_a_line_needs_no_more_than_a_file(tmp_path: Path) -> None:
    """Then the document must be read, whatever is in it; its format is the end of its name."""
    assert read_manifest(write(tmp_path, {"file": "a.txt"}, "", "  ")) == [Expectation("a.txt", "txt")]


def test_a_line_says_what_must_become_of_a_document(tmp_path: Path) -> None:
    """Strings, pages, a media type; notes for people are passed over."""
    line = {
        "file": "a.txt",
        "format": "text",
        "expected_strings": ["river"],
        "page_probes": [{"s": "river", "page": 2, "source": "by hand"}],
        "forbidden_strings": ["sea"],
        "expected_pages": 2,
        "media_type": "text/plain",
        "expect": "read",
        "sha256": hashlib.sha256(b"The river begins here.").hexdigest(),
    }
    notes = {name: ["whatever"] for name in NOTES}
    expected = Expectation("a.txt", "text", ("river",), ("sea",), (("river", 2),), None, 2, "text/plain")
    assert read_manifest(write(tmp_path, line | notes)) == [expected]


@pytest.mark.parametrize(("expect", "code"), [("reject_corrupt", Code.CORRUPT), ("no_text_needs_ocr", Code.NEEDS_OCR)])
def test_a_refusal_needs_no_strings(tmp_path: Path, expect: str, code: Code) -> None:
    """What stands in a document that must be refused isn't looked for."""
    line = {"file": "a.txt", "expect": expect, "expected_strings": ["river"], "expected_pages": 3}
    assert read_manifest(write(tmp_path, line)) == [Expectation("a.txt", "txt", refusal=code)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON: Expecting property name enclosed in double quotes"),
        ("[]", "must be a JSON object, not []"),
        ({}, "`file`: must be there"),
        ({"file": "b.txt"}, "`file`: no file "),
        ({"file": 5}, "`file`: Input should be a valid string, not 5"),
        (
            {"file": "a.txt", "expected_string": []},
            "`expected_string`: no such field; there are expect, expected_pages",
        ),
        ({"file": "a.txt", "expected_strings": ["a", " "]}, '`expected_strings[1]`: must not be blank, not " "'),
        ({"file": "a.txt", "expected_strings": "a"}, '`expected_strings`: Input should be a valid list, not "a"'),
        ({"file": "a.txt", "page_probes": [{"s": "a"}]}, "`page_probes[0].page`: must be there"),
        (
            {"file": "a.txt", "page_probes": [{"s": "a", "page": 0}]},
            "`page_probes[0].page`: Input should be greater than or equal to 1, not 0",
        ),
        (
            {"file": "a.txt", "page_probes": [{"s": "a", "page": 1, "x": 1}]},
            "`page_probes[0].x`: no such field; there are page, s",
        ),
        (
            {"file": "a.txt", "expected_pages": 1, "page_probes": [{"s": "a", "page": 2}]},
            "`page_probes[0].page`: 2, but `expected_pages` is 1",
        ),
        ({"file": "a.txt", "expect": "reject_it"}, "`expect`: `reject_it` is none of read, no_text_needs_ocr, reject_"),
        ({"file": "a.txt", "sha256": "0" * 64}, "`sha256`: `a.txt` is another file than the one"),
    ],
)
def test_a_bad_line_is_named_with_its_field(tmp_path: Path, line: dict[str, Any] | str, said: str) -> None:
    """The number of the line counts blank ones too, as an editor does."""
    folder = write(tmp_path, {"file": "first.txt"}, "", line)
    with pytest.raises(ManifestError) as caught:
        read_manifest(folder)
    assert str(caught.value).startswith(f"{folder / 'manifest.jsonl'}, line 3: {said}")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """So that a manifest of a thousand lines is mended in one go; a file that stands in it twice is wrong as well."""
    folder = write(tmp_path, {"file": "a.txt"}, {"file": "a.txt"}, {"file": "b.txt", "expect": "well"}, "x")
    with pytest.raises(ManifestError) as caught:
        read_manifest(folder)
    said = [line.removeprefix(f"{folder / 'manifest.jsonl'}, ") for line in str(caught.value).splitlines()]
    assert [line.split("`")[0] + line.split("`")[1] for line in said[:3]] == [
        "line 2: file",
        "line 3: file",
        "line 3: expect",
    ]
    assert said[3].startswith("line 4: no JSON")


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe"])
def test_a_folder_without_a_manifest_is_told_so(tmp_path: Path, content: bytes | None) -> None:
    """One that isn't there, that is empty, or is no text is named."""
    if content is not None:
        (tmp_path / "manifest.jsonl").write_bytes(content)
    with pytest.raises(ManifestError, match=r"manifest\.jsonl: "):
        read_manifest(tmp_path)
