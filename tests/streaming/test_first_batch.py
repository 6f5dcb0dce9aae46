from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession


def test_a_first_batch_that_a_crash_interrupted_begins_again(spark: SparkSession, tmp_path: Path) -> None:
    """State files of a batch that was never committed don't keep a query from starting, in micro-batches too."""
    left_over = tmp_path / "checkpoint" / "state" / "0" / "0" / "1.delta"
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"half")
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "1.json").write_text('{"key": "a"}\n{"key": "a"}\n')
    counts = spark.readStream.schema("key string").json(str(tmp_path / "input")).groupBy("key").count()
    writing = counts.writeStream.format("memory").queryName("first_batch").outputMode("update")
    writing.trigger(availableNow=True).option(
        "checkpointLocation", str(tmp_path / "checkpoint")
    ).start().awaitTermination()
    assert [tuple(row) for row in spark.table("first_batch").collect()] == [("a", 2)]
