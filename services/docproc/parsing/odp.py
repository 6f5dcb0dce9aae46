"""OpenDocument presentations: each slide a page, with its title as a heading, its shapes, tables, charts and notes."""

from __future__ import annotations

from pathlib import Path

from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.odf import DRAW, PRESENTATION, body, package, paragraph_text, paragraphs_of
from services.docproc.parsing.odf_flow import Flow, Styles
from services.docproc.parsing.writer import Writer


def read(path: Path, limits: Limits) -> Extracted:
    """Slides by their position from 1, hidden ones too; the speaker's notes come last, then comments."""
    writer = Writer(limits)
    with package(path, "presentation", limits) as archive:
        slides = list(body(archive, "presentation").iterchildren(f"{DRAW}page"))
        flow = Flow(writer, archive, Styles([]))
        for number, slide in enumerate(slides, start=1):
            titles = [each for each in slide.iter(f"{DRAW}frame") if each.get(f"{PRESENTATION}class") == "title"]
            for title in titles:
                writer.heading(2, " ".join(map(paragraph_text, paragraphs_of(title))))
            flow.write(slide, without=titles)
            for notes in slide.iterchildren(f"{PRESENTATION}notes"):
                flow.write(notes)
            flow.write_notes()
            writer.end_page(number)
    return Extracted(tuple(writer.pages), len(slides))
