"""Which offsets may be committed."""

from __future__ import annotations

import pytest

from shared.kafka.watermark import Watermark


def test_nothing_is_committable_before_anything_is_finished() -> None:
    """A record that was only read is not committed."""
    watermark = Watermark()
    watermark.add([5])
    assert watermark.committable is None


def test_moves_only_over_an_unbroken_run() -> None:
    """A finished record above an unfinished one does not move the watermark until the gap is closed."""
    watermark = Watermark()
    watermark.add([5, 6, 9])  # compaction and control records leave gaps between offsets
    watermark.finish([9, 6])
    assert watermark.committable is None
    assert watermark.held == 3
    watermark.finish([5])
    assert watermark.committable == 10
    assert watermark.held == 0


def test_refuses_offsets_out_of_order() -> None:
    """A record read twice under one assignment is an error of the transport, not something to commit over."""
    watermark = Watermark()
    watermark.add([5])
    with pytest.raises(ValueError, match="offset 5 was added after 5"):
        watermark.add([5])
