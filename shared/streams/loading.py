"""A folder of YAML files into declarations; every error names its file, line and field, and all of them are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from shared.errors import Fatal
from shared.streams.declaration import Stream, tables_of

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "streams"


class BadDeclaration(Fatal):
    """`problems` are lines such as `streams/orders.yaml:7: fields.price.type: …`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("streams: these declarations can't be used:\n" + "\n".join(f"  {line}" for line in problems))
        self.problems = tuple(problems)


def load_streams(folder: Path | None = None) -> tuple[Stream, ...]:
    """Every `*.yaml` in `folder` (the one beside the code where none is given), by name. Raises BadDeclaration."""
    folder = folder or DEFAULT_FOLDER
    if not folder.is_dir():
        raise BadDeclaration([f"{folder}: no such folder: set CAUCE_STREAMS_DIR to the one with the declarations"])
    problems: list[str] = []
    loaded: list[tuple[Path, Stream]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            loaded.append((path, load_stream(path)))
        except BadDeclaration as error:
            problems += error.problems
    problems += _taken_twice(loaded)
    if problems:
        raise BadDeclaration(problems)
    return tuple(sorted((stream for _, stream in loaded), key=lambda stream: stream.name))


def load_stream(path: Path) -> Stream:
    """Raises BadDeclaration."""
    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        value = yaml.load(text, _StrictLoader)  # noqa: S506 a safe loader that also refuses repeated keys
    except UnicodeDecodeError:
        raise BadDeclaration([f"{path}: is not UTF-8"]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadDeclaration([f"{path}:{line}: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise BadDeclaration([f"{path}: {error}"]) from None
    try:
        return Stream.model_validate(value)
    except ValidationError as error:
        raise BadDeclaration([_problem(path, node, e["loc"], e["msg"]) for e in error.errors()]) from None


class _StrictLoader(yaml.SafeLoader):
    """YAML's last repeated key would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys: set[object] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"`{key}` is there twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)


def _problem(path: Path, node: yaml.Node | None, location: tuple[int | str, ...], message: str) -> str:
    place = [part for part in location if part != "[key]"]
    field = ".".join(str(part) for part in place) or "the whole file"
    return f"{path}:{_line(node, place)}: {field}: {message.removeprefix('Value error, ')}"


def _line(node: yaml.Node | None, place: Sequence[int | str]) -> int:
    """Of the deepest node on the way that is there, counted from 1."""
    line = 1
    for part in place:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        found = ((key.start_mark.line + 1, value) for key, value in node.value if key.value == str(part))
        return next(found, None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def _taken_twice(loaded: Iterable[tuple[Path, Stream]]) -> list[str]:
    """Names that two files would both write to."""
    owners: dict[tuple[str, str], Path] = {}
    problems = []
    for path, stream in loaded:
        for what, name in _names(stream):
            owner = owners.setdefault((what, name), path)
            if owner is not path:
                problems.append(f"{path}: the {what} `{name}` is declared in {owner.name} already")
    return problems


def _names(stream: Stream) -> list[tuple[str, str]]:
    names = [("stream", stream.name), ("topic", stream.topic_name)]
    names += [("table", name) for window in stream.windows for name in tables_of(window)]
    return names + ([("collection", stream.readings.collection)] if stream.readings else [])
