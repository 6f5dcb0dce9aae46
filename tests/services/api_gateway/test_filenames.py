from __future__ import annotations

import pytest
from multipart import MultipartSegment

from services.api_gateway.filenames import clean, given


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Ünïcode 報告.docx", "Ünïcode 報告.docx"),
        ("a\r\nb\x00c\x1b[31m.txt", "abc[31m.txt"),
        ("cod\u202etxt.exe", "codtxt.exe"),
        ("  spaced.txt ", "spaced.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("", "unnamed"),
        (None, "unnamed"),
        ("..", "unnamed"),
        ("dir/", "unnamed"),
        ("x" * 300 + ".tar", "x" * 251 + ".tar"),
        ("." + "y" * 400, "." + "y" * 254),
        ("👨\u200d👩\u200d👧.png", "👨\u200d👩\u200d👧.png"),
    ],
)
def test_names_are_fit_to_be_shown(filename: str | None, shown: str) -> None:
    """Folders, control characters and what turns the writing direction go; the rest stays, at most 255 characters."""
    assert clean(filename) == shown


def part(disposition: str) -> MultipartSegment:
    return MultipartSegment([("Content-Disposition", disposition)])


def test_names_in_either_form() -> None:
    """A part may name its file as `filename` or, as some clients do for other alphabets, as `filename*`."""
    assert given(part('form-data; name="file"; filename="a b.txt"')) == "a b.txt"
    assert given(part("form-data; name=\"file\"; filename*=utf-8''%C3%BCber.txt")) == "über.txt"
    assert given(part('form-data; name="file"')) is None
    assert given(part('form-data; name="file"; filename=""')) == ""
