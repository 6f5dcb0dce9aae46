from __future__ import annotations

from datetime import datetime

import pytest

from services.db_writer.literals import row_text
from services.db_writer.rows import Row, Value
from tests.services.db_writer.test_rows import TABLE


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-(2**63), "-9223372036854775808"),
        (0.1, "0.1e0"),
        (-1e300, "-1e+300"),
        (5e-324, "5e-324"),
        (None, "NULL"),
        ("it's \\ 100 % \n\0 \x1a", "'it\\'s \\\\ 100 % \\n\\0 \\Z'"),
        (datetime(2026, 1, 2, 3, 4, 5, 678000), "'2026-01-02 03:04:05.678'"),  # noqa: DTZ001 as DATETIME has it
    ],
)
def test_a_value_as_sql(value: Value, text: str) -> None:
    """Numbers keep every digit, texts can't end themselves, times have milliseconds; the epoch comes last."""
    assert row_text(Row(TABLE, (7, 1), (value, value))) == f"({text}, {text}, 7)"
