"""What emails of all formats share: their head, and what is attached to them, read as a part of the same text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from services.docproc import parsing
from services.docproc.parsing.charset import decode
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import too_large
from services.docproc.parsing.writer import Writer, one_line
from shared.errors import Code, Permanent, Transient
from shared.media_types import PLAIN, sniff

_SEEN_OR_HEARD = ("image/", "audio/", "video/")


class Mail:
    """One email and the emails in it: `depth` is 0 for the one that holds all the others."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        """`folder` may be written to: attachments go through files in it, which don't outlive the reading."""
        self.writer = Writer(limits)
        self._limits = limits
        self._folder = folder
        self._warnings: list[str] = []

    def head(self, subject: str, fields: Mapping[str, str], depth: int) -> None:
        self.writer.heading(1 + depth, subject)
        self.writer.block("\n".join(f"{name}: {one_line(value)}" for name, value in fields.items() if value.strip()))

    def may_descend(self, depth: int) -> bool:
        """Whether what is attached to the email at this depth is to be read."""
        return depth < self._limits.max_depth

    def attach(self, name: str, data: bytes, depth: int, *, declared: str = "", charset: str | None = None) -> None:
        """Reads an attachment by what its bytes are, under its name as a heading.

        What can't be read leaves its name and a warning. Raises Permanent(too_large) where it passes a limit that
        holds for the email as a whole.
        """
        if not self.may_descend(depth):
            return self.leave_out(name, "It is attached too deep")
        try:
            extracted = self._read(name, data, depth, declared, charset)
        except Permanent as error:
            if error.code is Code.TOO_LARGE:
                raise
            return self.leave_out(name, str(error))
        self._spend(extracted.page_count or 0)
        self.writer.heading(2 + depth, name)
        for page in extracted.pages:
            self.writer.include(page, 2 + depth)
        self._warnings += [f"`{one_line(name)}`: {warning}" for warning in extracted.warnings]
        return None

    def leave_out(self, name: str, why: str) -> None:
        self.writer.block(f"Attachment: {one_line(name)}")
        self._warnings.append(f"Left out, `{one_line(name)}`: {why}")

    def extracted(self) -> Extracted:
        """One text without pages."""
        self.writer.end_page(None)
        return Extracted(tuple(self.writer.pages), warnings=tuple(self._warnings))

    def _read(self, name: str, data: bytes, depth: int, declared: str, charset: str | None) -> Extracted:
        media_type = sniff(data, name, declared)
        if media_type == PLAIN and declared.startswith(_SEEN_OR_HEARD):
            raise Permanent(Code.UNSUPPORTED, f"This is said to be `{declared}`, and isn't a document either")
        if charset and media_type.startswith("text/"):
            data = decode(data, charset).encode()
        limits = replace(self._limits, max_depth=self._limits.max_depth - depth - 1)
        with self._filed(data) as path:
            return parsing.parse_part(path, media_type, limits)

    @contextmanager
    def _filed(self, data: bytes) -> Iterator[Path]:
        """The bytes as a file, for as long as it is read. Raises Transient where the disk has no room for it."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context(NamedTemporaryFile(dir=self._folder, prefix="attached-"))
                file.write(data)
                file.flush()
            except OSError as error:
                raise Transient(f"An attachment can't be written to `{self._folder}`: {error}") from error
            yield Path(file.name)

    def _spend(self, pages: int) -> None:
        self._limits.spent.pages += pages
        if self._limits.spent.pages > self._limits.max_pages:
            raise too_large("pages", self._limits.max_pages)
