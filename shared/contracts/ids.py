"""Deterministic ids: the same input gives the same id on every machine, in every replay (RFC 9562, UUID version 5)."""

from __future__ import annotations

from uuid import UUID, uuid5

NAMESPACE = UUID("b3c8a4de-0f5e-5c1a-9a63-6f1a5d8f7c21")


def _company(company_id: str) -> UUID:
    return uuid5(NAMESPACE, company_id)


def document_id(company_id: str, sha256: str) -> str:
    """The same bytes uploaded twice by one company are one document."""
    return str(uuid5(_company(company_id), sha256))


def named_document_id(company_id: str, name: str) -> str:
    """A document that may change: one name of one company, whatever its bytes are today."""
    return str(uuid5(_company(company_id), f"name:{name}"))


def chunk_id(document_id: str, content_sha256: str, chunker: str, chunk_index: int) -> str:
    """One place in one content, as cut by one `chunker` fingerprint."""
    return str(uuid5(UUID(document_id), f"{content_sha256}:{chunker}:{chunk_index}"))
