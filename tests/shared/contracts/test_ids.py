"""Ids that every machine computes alike."""

from __future__ import annotations

from shared.contracts import ids

SHA = "a" * 64


def test_ids_are_fixed_for_ever() -> None:
    """These values are in people's stores: a change of the formula would double their rows."""
    assert ids.document_id("acme", SHA) == "dfee851e-65f6-5e20-9b10-9f7d79cfa68b"
    assert ids.named_document_id("acme", "handbook") == "c9d0bb17-5168-5586-8b80-3abe94a89d6a"
    assert ids.chunk_id(ids.document_id("acme", SHA), SHA, "chunker", 0) == "b37cd43e-ea1b-55fc-9ca3-024ff61f947f"


def test_companies_never_meet() -> None:
    """The same bytes, or the same name, of two companies are two documents."""
    assert ids.document_id("a", SHA) != ids.document_id("b", SHA)
    assert ids.named_document_id("a", "x") != ids.named_document_id("b", "x")


def test_a_name_is_not_a_content() -> None:
    """A document called like a hash is not the document of that hash."""
    assert ids.named_document_id("a", SHA) != ids.document_id("a", SHA)


def test_each_place_has_its_own_id() -> None:
    """Another content, chunker or index is another chunk."""
    base = ids.chunk_id(ids.document_id("a", SHA), SHA, "x", 0)
    others = {
        ids.chunk_id(ids.document_id("a", SHA), "b" * 64, "x", 0),
        ids.chunk_id(ids.document_id("a", SHA), SHA, "y", 0),
        ids.chunk_id(ids.document_id("a", SHA), SHA, "x", 1),
    }
    assert base not in others
    assert len(others) == 3
