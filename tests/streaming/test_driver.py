from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pyspark.errors import AnalysisException, StreamingQueryException

from shared.errors import Fatal, Lasting, Transient
from streaming.driver import translate
from streaming.jvm import java_executable
from streaming.pools import write_pools
from streaming.session import master, spark_options
from tests.streaming.conftest import make_settings

PREAMBLE = "[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: "


def test_an_outage_is_told_without_its_preamble() -> None:
    """What a restart can mend is transient, and its message is the cause alone."""
    failure = translate("counts", StreamingQueryException(f"{PREAMBLE}Timed out: listNodes\nat some.java.Frame"))
    assert isinstance(failure, Transient)
    assert not isinstance(failure, Lasting)
    assert str(failure) == "counts: Timed out: listNodes"


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Some data may have been lost because they are not available in Kafka any more", "cauce streams reset"),
        ("[STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE] Provided schema", "cauce streams reset"),
        ("java.io.IOException: Mkdirs failed to create file:/x", "CAUCE_CHECKPOINT_URL"),
    ],
)
def test_what_a_person_has_to_mend_is_told(message: str, advice: str) -> None:
    """A failure that would come again names what ends it; it concerns this query alone, so the process goes on."""
    failure = translate("counts", StreamingQueryException(PREAMBLE + message))
    assert isinstance(failure, Lasting)
    assert advice in str(failure)


def test_a_missing_connector_is_told() -> None:
    """Without its jars Spark says what it lacks, and Cauce which setting names them."""
    failure = translate("counts", AnalysisException("Failed to find data source: kafka. Please deploy"))
    assert "CAUCE_SPARK_JARS" in str(failure)


def test_a_broken_connection_to_java_is_fatal() -> None:
    """A JVM that is gone takes the process with it: whoever started it starts both anew."""
    assert isinstance(translate("counts", ConnectionRefusedError()), Fatal)


def test_a_missing_jar_is_named(tmp_path: Path) -> None:
    """A jar that isn't there is told before Java is started."""
    missing = tmp_path / "missing.jar"
    with pytest.raises(Fatal, match=r"missing\.jar"):
        spark_options(make_settings(spark_jars=f"{missing},"))


def test_no_java_is_told(tmp_path: Path) -> None:
    """Without a Java the message says what to do."""
    with pytest.raises(Fatal, match="JAVA_HOME"):
        java_executable({"JAVA_HOME": str(tmp_path)})


def test_as_many_slots_as_are_needed() -> None:
    """`local` takes what the declarations need; a greater number, or a cluster, is left as it is."""
    assert master("local", 39) == "local[39]"
    assert master("local[64]", 39) == "local[64]"
    assert master("spark://cluster:7077", 39) == "spark://cluster:7077"


def test_each_task_that_reads_has_its_consumer() -> None:
    """Spark keeps as many as can be in use, and never fewer than it would by itself."""
    capacity = "spark.kafka.consumer.cache.capacity"
    settings = make_settings(spark_jars=())
    assert [spark_options(settings, slots)[capacity] for slots in (2, 39)] == ["64", "78"]


def test_too_few_slots_end_the_process_at_its_start() -> None:
    """A query in Real-Time Mode whose tasks can't all run would never begin: that is told, with the number."""
    with pytest.raises(Fatal, match=r"`local\[8\]`.*39 task slots.*`local\[39\]`"):
        master("local[8]", 39)


def test_pools_are_generated(tmp_path: Path) -> None:
    """Spark finds a fair pool for what streams and one of less weight for what can wait."""
    pools = ET.parse(write_pools(tmp_path)).getroot()
    assert [(pool.get("name"), pool.findtext("schedulingMode")) for pool in pools] == [
        ("streaming", "FAIR"),
        ("batch", "FAIR"),
    ]
    weights = [int(pool.findtext("weight") or 0) for pool in pools]
    assert weights[0] > weights[1]
