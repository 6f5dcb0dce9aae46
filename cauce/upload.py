"""`cauce upload`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cauce.console import say
from cauce.following import Followed, follow_all
from cauce.gateway import Gateway, address
from cauce.options import Key, Url
from compose.local.errors import LocalStackError
from compose.local.settings import LocalSettings
from shared.contracts.documents import State


def upload(
    files: Annotated[list[Path], typer.Argument(exists=True, metavar="FILE…", help="Files, or folders of files.")],
    name: Annotated[
        str | None, typer.Option(help="The document's name: what had it before is replaced. With one file.")
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send documents and watch each on its way: ingest, docproc, embedding, db_writer.

    Ends with 1 where one was not sent or failed.

    \b
    cauce upload report.pdf notes.md
    cauce upload examples/documents
    cauce upload --name handbook handbook-v2.docx
    cauce upload --url https://cauce.example.org --key KEY *.pdf
    """
    found = expand(files)
    if name and len(found) != 1:
        raise LocalStackError(f"--name is for one file, not {len(found)}")
    where = address(url, key, LocalSettings())
    followed = asyncio.run(_upload(*where, found, name))
    complete = sum(item.state is State.COMPLETE for item in followed)
    say(f"{complete} of {len(followed)} complete")
    for item in followed:
        say(f"  {item.document_id or 'not sent'}  {item.file}")
    if any(_failed(item) for item in followed):
        raise typer.Exit(1)


async def _upload(url: str, key: str, files: list[Path], name: str | None) -> list[Followed]:
    async with Gateway(url, key) as gateway:
        return await follow_all(gateway, files, name=name)


def _failed(item: Followed) -> bool:
    return item.error is not None or item.state is State.FAILED


def expand(paths: list[Path]) -> list[Path]:
    """Files as they are, folders as the files in them, hidden ones aside. Raises LocalStackError for none at all."""
    found = [file for path in paths for file in ([path] if path.is_file() else _inside(path))]
    if not found:
        raise LocalStackError("there is no file to upload in what was named")
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
