"""What docproc can be told."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, FilePath, field_validator

from services.docproc.chunking import ChunkOptions
from services.docproc.parsing import Limits
from services.docproc.pool import PoolOptions
from services.docproc.tokens import TokenCounter
from shared.settings import CommonSettings

_OCR_SHARE = 0.75
"""Of a document's time, what is for reading its scans: the rest is for everything else in it."""


class DocprocSettings(CommonSettings):
    """Times in seconds, sizes in bytes or tokens."""

    object_store_url: str = Field(
        default="file:///var/lib/cauce/objects", description="file:///dir or s3://bucket/prefix"
    )
    parse_workers: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) // 2), ge=1)
    parse_deadline_seconds: float = Field(default=120.0, gt=0, description="for one document; then its parser ends")
    parse_memory_bytes: int = Field(default=2 * 1024**3, ge=256 * 1024**2, description="address space of one parser")
    ocr_languages: str = Field(
        default="eng",
        pattern=r"^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$",
        description="in which scans are read where Tesseract is installed: its names, joined by `+`",
    )
    chunk_max_tokens: int = Field(default=256, ge=16)
    chunk_overlap_tokens: int = Field(default=0, ge=0)
    chunk_tokenizer_file: FilePath | None = Field(
        default=None, description="the `tokenizer.json` of the model that embeds; unset: that of the local model"
    )

    def pool_options(self) -> PoolOptions:
        return PoolOptions(
            workers=self.parse_workers,
            deadline_seconds=self.parse_deadline_seconds,
            memory_bytes=self.parse_memory_bytes,
            limits=Limits(ocr_languages=self.ocr_languages, ocr_seconds=_OCR_SHARE * self.parse_deadline_seconds),
            chunking=ChunkOptions(self.chunk_max_tokens, self.chunk_overlap_tokens, self.chunk_tokenizer_file),
        )

    @field_validator("chunk_tokenizer_file")
    @classmethod
    def _counts(cls, file: Path | None) -> Path | None:
        if file:
            try:
                TokenCounter(file)
            except Exception as error:
                if type(error) is not Exception:  # the library raises nothing more precise
                    raise
                raise ValueError(f"no tokenizer of the `tokenizers` library: {error}") from None
        return file
