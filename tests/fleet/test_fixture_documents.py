"""Documents of every kind with known content, hostile ones among them, through the real fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.manifests import read_manifest
from benchmarks.report_documents import Complete, Failed, Result, score, shares
from tests.documents.catalogue import FILES
from tests.documents.sources import REAL, real
from tests.fleet.harness import Fleet

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(600)]


@pytest.mark.parametrize(("folder", "least"), [pytest.param(FILES, 1.0, id="ours"), real(REAL, 0.97)])
async def test_every_document_ends_well_or_says_why(fleet: Fleet, folder: Path, least: float) -> None:
    """Each ends complete, or failed with a reason; what stands in them is found, on the right page; no service dies."""
    expectations = read_manifest(folder)
    before = _restarts(fleet)
    uploads = await fleet.upload([folder / expectation.file for expectation in expectations])
    documents = await fleet.until_final(uploads)
    results = {upload.file.name: _result(fleet, documents[upload.document_id]) for upload in uploads}
    scores = score(expectations, results)
    found, placed = shares(scores)
    assert found >= least, [(each.expectation.file, each.missing) for each in scores if each.missing]
    assert placed == 1, f"probes on the right page: {placed:.1%}"
    assert [one for one in scores if one.wrong] == []
    assert _restarts(fleet) == before


def _restarts(fleet: Fleet) -> dict[str, int]:
    return {process.name: process.restarts for process in fleet.state.processes}


def _result(fleet: Fleet, document: dict[str, Any]) -> Result:
    if document["state"] == "failed":
        assert document["reason"]["message"], document
        return Failed(document["reason"]["code"], document["reason"]["message"])
    assert document["state"] == "complete", document
    chunks = [(chunk["page"], chunk["text"]) for chunk in fleet.texts(document["document_id"])]
    return Complete(chunks, document["counts"]["pages"])
