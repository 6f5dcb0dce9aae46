"""Where a document's extracted text is kept: an object beside the original, one for each chunker that made one."""

from __future__ import annotations

from shared.objects import Objects


def text_path(s3_path: str, chunker: str) -> str:
    """Of the text that the ranges of this chunker's chunks point into, UTF-8: the same for the same two, always."""
    return f"{_folder(s3_path)}/{chunker}.txt"


def original(path: str) -> str:
    """The uploaded object that this one was made from; it may be that one itself."""
    company, _, name = path.partition("/")
    return f"{company}/{name.partition('/')[0].partition('.')[0]}"


async def remove_document(objects: Objects, s3_path: str) -> None:
    """The original and its texts, whether or not they are there; word of the original stays. Raises Transient."""
    await objects.delete_folder(_folder(s3_path))
    await objects.remove(s3_path)


def _folder(s3_path: str) -> str:
    return f"{s3_path}.text"
