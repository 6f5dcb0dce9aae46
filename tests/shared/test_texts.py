"""Where extracted texts are, and that they go with their document."""

from __future__ import annotations

import re
from pathlib import Path

from shared.contracts.base import _NAME
from shared.objects import Objects
from shared.texts import remove_document, text_path


def test_a_text_lies_beside_its_original() -> None:
    """Each original has a text per chunker, at an address that the store can take."""
    paths = {text_path(original, chunker) for original in ("acme/one", "acme/two") for chunker in ("f1", "f2")}
    assert len(paths) == 4
    assert all(re.fullmatch(rf"{_NAME}(/{_NAME})+", path) for path in paths)


async def test_texts_go_with_their_document(tmp_path: Path) -> None:
    """The original and the texts of all chunkers go, nothing of a neighbour does; word of the original stays."""
    objects = Objects(f"file://{tmp_path}")
    kept = ["acme/ones", text_path("acme/ones", "f1"), "acme/other"]
    for path in ("acme/one", text_path("acme/one", "f1"), text_path("acme/one", "f2"), *kept):
        async with objects.writer(path) as writer:
            await writer.write(b"x")
    await remove_document(objects, "acme/one")
    await remove_document(objects, "acme/one")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*kept, "acme/one.gone"}
