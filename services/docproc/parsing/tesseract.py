"""Tesseract, the program that reads pictures of text, run once for each page."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from typing import Self

import pypdfium2 as pdfium

_DOTS_PER_INCH = 300
_MOST_PIXELS = 20_000_000


def programs() -> tuple[str, ...]:
    """Its path; none where it isn't installed."""
    found = shutil.which("tesseract")
    return (found,) if found else ()


class CannotRead(Exception):
    """Tesseract can't be run as it is set up; the message is what it says."""


class OutOfTime(Exception):
    """The time for text recognition in this document is over."""


class Tesseract:
    """For one document: all its pages together may take `seconds`. `languages` are joined by `+`."""

    def __init__(self, program: str, languages: str, seconds: float) -> None:
        self._program = program
        self._languages = languages
        self._left = seconds

    @classmethod
    def found(cls, languages: str, seconds: float) -> Self | None:
        """None where it isn't installed."""
        return next((cls(program, languages, seconds) for program in programs()), None)

    def read(self, page: pdfium.PdfPage) -> str:
        """The lines of the page. Raises OutOfTime or CannotRead."""
        if self._left <= 0:
            raise OutOfTime
        start = time.monotonic()
        try:
            return self._run(*_picture(page))
        finally:
            self._left -= time.monotonic() - start

    def _run(self, picture: bytes, dots_per_inch: int) -> str:
        words = ("tesseract", "stdin", "stdout", "-l", self._languages, "--psm", "1", "--dpi", str(dots_per_inch))
        with subprocess.Popen(
            words,
            executable=self._program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        ) as process:
            # it ends by itself even if this process is killed first
            limit = int(self._left) + 2
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (limit, limit))
            try:
                out, errors = process.communicate(picture, timeout=max(self._left, 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                raise OutOfTime from None
        if process.returncode != 0:
            raise CannotRead(errors.decode("utf-8", "replace").strip()[-300:] or f"exit code {process.returncode}")
        return out.decode("utf-8", "replace")


def _picture(page: pdfium.PdfPage) -> tuple[bytes, int]:
    """The page as a grey PNM picture, and its dots per inch."""
    width, height = page.get_size()
    dots = min(_DOTS_PER_INCH, int(72 * (_MOST_PIXELS / max(width * height, 1.0)) ** 0.5))
    bitmap = page.render(scale=max(dots, 1) / 72, grayscale=True)
    try:
        rows = memoryview(bitmap.buffer).cast("B")
        stride, across = bitmap.stride, bitmap.width
        grey = b"".join(rows[at * stride : at * stride + across] for at in range(bitmap.height))
        return b"P5 %d %d 255\n" % (across, bitmap.height) + grey, dots
    finally:
        bitmap.close()
