"""Real documents of many kinds, hostile ones among them, through the real fleet."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report_documents import Complete, Failed, Result, read_manifest, score, shares
from tests.fleet.harness import ROOT, Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]

FOLDER = ROOT.parent / "shared" / "fixtures" / "documents"


@pytest.mark.skipif(not FOLDER.exists(), reason=f"no documents with known content at {FOLDER}")
async def test_every_document_ends_well_or_says_why(fleet: Fleet) -> None:
    """Each ends complete, or failed with a reason; what stands in them is found, on the right page; no service dies."""
    expectations = read_manifest(FOLDER)
    before = _restarts(fleet)
    uploads = await fleet.upload([FOLDER / expectation.file for expectation in expectations])
    documents = await fleet.until_final(uploads)
    results = {upload.file.name: _result(fleet, documents[upload.document_id]) for upload in uploads}
    scores = score(expectations, results)
    found, placed = shares(scores)
    assert found >= 0.9, f"strings found: {found:.1%}"
    assert placed >= 0.95, f"probes on the right page: {placed:.1%}"
    assert [one for one in scores if one.wrong] == []
    assert _restarts(fleet) == before


def _restarts(fleet: Fleet) -> dict[str, int]:
    return {process.name: process.restarts for process in fleet.state.processes}


def _result(fleet: Fleet, document: dict[str, Any]) -> Result:
    if document["state"] == "failed":
        assert document["reason"]["message"], document
        return Failed(document["reason"]["code"], document["reason"]["message"])
    assert document["state"] == "complete", document
    return Complete([(chunk["page"], chunk["text"]) for chunk in fleet.texts(document["document_id"])])
