from __future__ import annotations

from shared.streams.loading import load_streams
from shared.streams.tables import tables, window_table
from tests.shared.streams.samples import orders


def test_columns_follow_from_fields_and_aggregates() -> None:
    """Keys can't be null; a sum of whole numbers is one; what may be missing in every event may be null."""
    stream = orders(
        **{
            "windows.0.group_by": {"customer": "{customer}", "items": "{items}", "label": "c-{customer}/{items}"},
            "windows.0.select": {
                "orders": "count(*)",
                "mean": "avg(items)",
                "sum_items": "sum(items)",
                "most": "max(price)",
            },
        }
    )
    table = window_table(stream, stream.windows[0])
    assert {column.name: column.sql for column in table.key[2:]} == {
        "customer": "VARCHAR(20) NOT NULL",
        "items": "BIGINT NOT NULL",
        "label": "VARCHAR(55) NOT NULL",
    }
    assert [column.name for column in table.key[:2]] == ["window_start", "window_end"]
    assert {column.name: column.sql for column in table.values} == {
        "orders": "BIGINT NOT NULL",
        "mean": "DOUBLE NULL",
        "sum_items": "BIGINT NULL",
        "most": "DOUBLE NULL",
    }
    assert table.count == "orders"


def test_keys_of_every_type() -> None:
    """Each type of field has a column that can hold it."""
    fields = {
        "at": {"type": "timestamp"},
        "flag": {"type": "boolean"},
        "number": {"type": "double"},
    }
    window = {"table": "t", "size": "1m", "group_by": ["at", "flag", "number"], "select": {"n": "count(*)"}}
    stream = orders(fields=fields, topic={}, windows=[window])
    assert [column.sql for column in window_table(stream, stream.windows[0]).key[2:]] == [
        "DATETIME(3) NOT NULL",
        "BIGINT NOT NULL",
        "DOUBLE NOT NULL",
    ]


def test_a_top_is_ordered_to_the_last_row() -> None:
    """By the measure, then by all group columns that don't divide the ranking."""
    views = tables(load_streams())
    top = views["character_views_1m"].top
    assert top is not None
    assert (top.name, top.n, top.rank, top.by) == ("kafka_streams", 5, "top_5", "total_views_per_character")
    assert (top.within, top.then) == (("label",), ("saga_characters",))
    assert views["rating_metrics_1m"].top is None


def test_the_allow_list_is_what_is_declared() -> None:
    """Every window has a table, under its own name."""
    assert set(tables(load_streams())) == {
        "air_metrics_1m",
        "character_views_1m",
        "chunk_counts_1m",
        "movie_metrics_1m",
        "rating_metrics_1m",
        "rating_metrics_5m_1m",
        "sound_metrics_1m",
    }
