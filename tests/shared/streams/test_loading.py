from __future__ import annotations

from pathlib import Path

import pytest

from shared.streams.loading import DEFAULT_FOLDER, BadDeclaration, load_stream, load_streams

GOOD = """\
name: orders
event_time: {field: at}
fields:
  at: {type: long}
  price:
    type: double
windows:
  - table: orders_1m
    size: 1m
    select:
      orders: count(*)
readings: {collection: orders_clean}
"""


def write(folder: Path, text: str, name: str = "orders.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(BadDeclaration) as caught:
        load_stream(path)
    return caught.value.problems


def test_the_shipped_streams_load() -> None:
    """What is delivered can be used, in the order of the names."""
    names = [stream.name for stream in load_streams()]
    assert names == ["character.views", "chunks", "ratings", "sensors.air", "sensors.sound"]
    assert len(list(DEFAULT_FOLDER.glob("*.yaml"))) == len(names)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("type: double", "type: dubble", ":6: fields.price.type: Input should be 'int'"),
        ("size: 1m", "size: one minute", ":9: windows.0.size: must be a number with a unit"),
        ("orders: count(*)", "orders: count(x)", ":11: windows.0.select.orders: `count` counts events"),
        ("{field: at}", "{field: when}", ":1: the whole file: `event_time.field` names `when`"),
        ("name: orders", "nmae: orders", ":1: name: Field required"),
        ("name: orders", "name: orders\nowner: me", ":2: owner: Extra inputs are not permitted"),
        ("  at: {type: long}", "  at: {type: long, minimum: 5, maximum: 4}", ":4: fields.at: `minimum` is greater"),
        ("  price:", "  1price:", ":5: fields.1price: String should match pattern"),
        ("  - table: orders_1m", "  - table: Orders", ":8: windows.0.table: String should match pattern"),
    ],
)
def test_a_problem_names_file_line_and_field(tmp_path: Path, before: str, after: str, problem: str) -> None:
    """Whoever wrote the file finds the place."""
    assert before in GOOD
    path = write(tmp_path, GOOD.replace(before, after))
    assert any(line.startswith(f"{path}{problem}") for line in problems(path)), problems(path)


def test_every_problem_of_every_file_is_told(tmp_path: Path) -> None:
    """One run is enough to find them all."""
    write(tmp_path, GOOD.replace("double", "dubble").replace("size: 1m", "size: 1"))
    write(tmp_path, "name: [", "broken.yaml")
    with pytest.raises(BadDeclaration) as caught:
        load_streams(tmp_path)
    assert len(caught.value.problems) == 3
    assert all(problem in str(caught.value) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + "name: again\n", ":13: `name` is there twice"),
        ("name: [\n", ":2: expected the node content"),
        ("name: !!python/object:os.system x\n", ":1: could not determine a constructor"),
        ("", ":1: the whole file: Input should be"),
        ("- a\n", ":1: the whole file: Input should be"),
        ("{[1]: 2}: 3\n", ":1: "),
        ("name: a\x07b\n", ""),
    ],
)
def test_what_is_no_mapping_of_yaml_is_told(tmp_path: Path, text: str, problem: str) -> None:
    """A repeated key, broken YAML, an object of Python's, no mapping at all."""
    path = write(tmp_path, text)
    assert problems(path)[0].startswith(f"{path}{problem}")


def test_bytes_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    """A file in another encoding is not guessed at."""
    path = tmp_path / "orders.yaml"
    path.write_bytes(b"name: caf\xe9\n")
    assert problems(path) == (f"{path}: is not UTF-8",)


def test_two_files_may_not_write_to_one_name(tmp_path: Path) -> None:
    """Streams, topics, tables and collections belong to one file each."""
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("name: orders", "name: others"), "others.yaml")
    with pytest.raises(BadDeclaration) as caught:
        load_streams(tmp_path)
    other = tmp_path / "others.yaml"
    assert caught.value.problems == (
        f"{other}: the table `orders_1m` is declared in orders.yaml already",
        f"{other}: the collection `orders_clean` is declared in orders.yaml already",
    )


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The message names the variable."""
    with pytest.raises(BadDeclaration, match="no such folder: set CAUCE_STREAMS_DIR"):
        load_streams(tmp_path / "none")
    assert load_streams(tmp_path) == ()
