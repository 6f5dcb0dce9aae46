from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from shared.kafka.records import Partition
from streaming.backlog import behind, committed

KEPT = {Partition("ratings", 0): range(100), Partition("ratings", 1): range(40, 60)}


@pytest.mark.parametrize(
    ("done", "records"), [(None, 120), ({}, 120), ({0: 100, 1: 60}, 0), ({0: 90, 1: 10}, 30), ({0: 100}, 20)]
)
def test_what_is_to_be_read(done: dict[int, int] | None, records: int) -> None:
    """Everything that the topic still holds above the checkpoint; what retention removed is nobody's work."""
    assert behind(done, KEPT) == records


def test_a_checkpoint_is_read(spark: SparkSession, tmp_path: Path) -> None:
    """The offsets are those of the newest committed batch, not of one that was only begun."""
    assert committed(spark, str(tmp_path / "nothing")) is None
    for folder, batches in (("commits", (9, 10)), ("offsets", (9, 10, 11))):
        (tmp_path / folder).mkdir()
        for batch in batches:
            (tmp_path / folder / str(batch)).write_text(f'v1\n{{"x":1}}\n{{"ratings":{{"0":{batch},"1":5}}}}')
    assert committed(spark, str(tmp_path)) == {0: 10, 1: 5}
