from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.errors import AnalysisException, StreamingQueryException

from shared.errors import Fatal, Transient
from streaming.driver import translate
from streaming.jvm import java_executable
from streaming.session import spark_options
from tests.streaming.conftest import make_settings

PREAMBLE = "[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: "


def test_an_outage_is_told_without_its_preamble() -> None:
    """What a restart can mend is transient, and its message is the cause alone."""
    failure = translate("counts", StreamingQueryException(f"{PREAMBLE}Timed out: listNodes\nat some.java.Frame"))
    assert isinstance(failure, Transient)
    assert str(failure) == "counts: Timed out: listNodes"


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Some data may have been lost because they are not available in Kafka any more", "CAUCE_STREAMING_EPOCH"),
        ("[STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE] Provided schema", "CAUCE_STREAMING_EPOCH"),
        ("java.io.IOException: Mkdirs failed to create file:/x", "CAUCE_CHECKPOINT_URL"),
    ],
)
def test_what_no_restart_mends_is_fatal(message: str, advice: str) -> None:
    """A failure that would come again names the setting that ends it."""
    failure = translate("counts", StreamingQueryException(PREAMBLE + message))
    assert isinstance(failure, Fatal)
    assert advice in str(failure)


def test_a_missing_connector_is_fatal() -> None:
    """Without its jars Spark says what it lacks, and Cauce which setting names them."""
    failure = translate("counts", AnalysisException("Failed to find data source: kafka. Please deploy"))
    assert isinstance(failure, Fatal)
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
