"""`python -m streaming.report`: what a day brought, from the archive, as a Spark batch job.

A document's chunks are those of its newest version among the day's records; a chunk that is there several times counts
once. The result is Parquet, a folder per day: a day that is computed again replaces itself and no other.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from shared.errors import CauceError, Fatal
from shared.settings import load
from shared.topics import CHUNKS_PROCESSED
from streaming.archive_reader import read
from streaming.driver import reason
from streaming.session import make_jvm, spark_session
from streaming.settings import Settings

TABLE = "daily_chunks"
_TEXTS = ("company_id", "document_id", "chunk_id")
_FIELDS = "company_id VARIANT, document_id VARIANT, chunk_id VARIANT, version VARIANT"
_MOST_COMPANIES = 20


class ReportSettings(Settings):
    """The streaming application's; a report has no checkpoint."""

    checkpoint_url: str = ""


@dataclass(frozen=True)
class Summary:
    """Of one day. `companies` are (company_id, documents, chunks), those with most chunks first; `left_out` is the
    number of records that were no chunks."""

    day: date
    companies: tuple[tuple[str, int, int], ...]
    left_out: int

    def lines(self) -> Iterator[str]:
        if not self.companies:
            yield f"{self.day}: no chunks in the archive, so nothing is written"
        else:
            documents = sum(documents for _, documents, _ in self.companies)
            chunks = sum(chunks for _, _, chunks in self.companies)
            yield f"{self.day}: chunks: {chunks}, documents: {documents}, companies: {len(self.companies)}"
        for company, documents, chunks in self.companies[:_MOST_COMPANIES]:
            yield f"  {company}: chunks: {chunks}, documents: {documents}"
        if len(self.companies) > _MOST_COMPANIES:
            yield f"  and {len(self.companies) - _MOST_COMPANIES} more"
        if self.left_out:
            yield f"  records that are no chunks: {self.left_out}"


def daily(session: SparkSession, archive: str, output: str, day: date) -> Summary:
    """Writes `<output>/daily_chunks/date=<day>` (company_id, document_id, version, total_chunks) in place of what is
    there; a day without chunks leaves it alone. Raises PySparkException."""
    versions = chunk_versions(read(session, archive, CHUNKS_PROCESSED.name, day, day)).persist()
    try:
        totals = newest(versions)
        summary = Summary(day, _companies(totals), _left_out(versions))
        if summary.companies:
            _write(totals, f"{output.rstrip('/')}/{TABLE}", day)
        return summary
    finally:
        versions.unpersist()


def chunk_versions(records: DataFrame) -> DataFrame:
    """company_id, document_id, version, total_chunks (distinct ids), records. Those that are no chunks are in one row
    whose `version` is null."""
    event = fn.from_json(fn.col("value").cast("string"), _FIELDS)
    version = fn.try_variant_get("event.version", "$", "long")
    fields = records.select(event.alias("event")).select(*map(_text, _TEXTS), version.alias("version"))
    valid = fn.col("version").isNotNull()
    for name in _TEXTS:
        valid &= fn.col(name).isNotNull()
    chunks = fields.select(*(fn.when(valid, fn.col(name)).alias(name) for name in fields.columns))
    counts = (fn.count_distinct("chunk_id").alias("total_chunks"), fn.count(fn.lit(1)).alias("records"))
    return chunks.groupBy("company_id", "document_id", "version").agg(*counts)


def _text(name: str) -> Column:
    """Null where it is no JSON string: a number would else be taken for one."""
    field = fn.col(f"event.{name}")
    return fn.when(fn.schema_of_variant(field) == "STRING", fn.try_variant_get(field, "$", "string")).alias(name)


def newest(versions: DataFrame) -> DataFrame:
    """company_id, document_id, its greatest version, and that one's total_chunks."""
    documents = versions.where("version IS NOT NULL").groupBy("company_id", "document_id")
    return documents.agg(fn.max("version").alias("version"), fn.max_by("total_chunks", "version").alias("total_chunks"))


def _left_out(versions: DataFrame) -> int:
    return sum(row["records"] for row in versions.where("version IS NULL").collect())


def _companies(totals: DataFrame) -> tuple[tuple[str, int, int], ...]:
    counts = (fn.count(fn.lit(1)).alias("documents"), fn.sum("total_chunks").alias("chunks"))
    rows = totals.groupBy("company_id").agg(*counts).orderBy(fn.desc("chunks"), "company_id").collect()
    return tuple((row["company_id"], row["documents"], row["chunks"]) for row in rows)


def _write(totals: DataFrame, folder: str, day: date) -> None:
    rows = totals.orderBy("company_id", "document_id").coalesce(1).withColumn("date", fn.lit(day.isoformat()))
    writer = rows.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").option("compression", "zstd")
    writer.partitionBy("date").parquet(folder)


@contextmanager
def batch_session(settings: Settings) -> Iterator[SparkSession]:
    """Spark for one job, in a JVM of its own. Raises Fatal where it can't start."""
    with (
        tempfile.TemporaryDirectory(prefix="cauce-report-", ignore_cleanup_errors=True) as folder,
        spark_session(make_jvm(settings, Path(folder))) as session,
    ):
        session.conf.set("spark.sql.adaptive.enabled", "true")
        session.conf.set("spark.sql.shuffle.partitions", "32")
        yield session


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit code 1, with the reason, where the report could not be made."""
    parser = argparse.ArgumentParser(prog="python -m streaming.report", description=__doc__)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    parser.add_argument("--date", type=date.fromisoformat, default=yesterday, help="in UTC; yesterday by default")
    parser.add_argument("--archive", help="its root; CAUCE_ARCHIVE_URL by default")
    parser.add_argument("--output", help="`reports` in the archive's root by default")
    given = parser.parse_args(arguments)
    try:
        _run(given.date, given.archive, given.output)
    except CauceError as error:
        sys.exit(f"error: {error}")


def _run(day: date, archive: str | None, output: str | None) -> None:
    settings = load(ReportSettings)
    root = archive or settings.archive_url
    if not root:
        raise Fatal("which archive? set CAUCE_ARCHIVE_URL, or name it with --archive")
    target = output or f"{root.rstrip('/')}/reports"
    with batch_session(settings) as session:
        try:
            summary = daily(session, root, target, day)
        except (PySparkException, Py4JError, OSError) as error:
            # Said while Spark is there: it is asked for the words.
            raise Fatal(f"Spark could not make the report: {reason(error)}") from error
    for line in summary.lines():
        sys.stdout.write(f"{line}\n")
    if summary.companies:
        sys.stdout.write(f"written to {target}/{TABLE}/date={day}\n")


if __name__ == "__main__":
    main()
