# /// script
# requires-python = ">=3.11"
# dependencies = ["fpdf2>=2.8", "python-docx>=1.2"]
# ///
"""Makes the PDF and the DOCX among the example documents from `texts/`; the other ones are written by hand.

What it makes is committed, so this is needed only after a change to the texts: `uv run examples/make_documents.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from docx.document import Document as Docx
from fpdf import FPDF

HERE = Path(__file__).parent
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def blocks(name: str) -> Iterator[tuple[int, str]]:
    """Each block of the text with its level: 1 and more for headings, 0 for paragraphs and tables."""
    for block in (HERE / "texts" / name).read_text(encoding="utf-8").strip().split("\n\n"):
        title = block.lstrip("#")
        yield len(block) - len(title), title.strip()


def make_pdf(source: str, path: Path) -> None:
    """A page for each chapter, with the chapters in the document's outline."""
    pdf = FPDF()
    pdf.set_creation_date(WRITTEN)
    pdf.set_margins(30, 25)
    for level, text in blocks(source):
        if level == 1:
            pdf.add_page()
            pdf.set_title(text)
        elif level == 2 and pdf.get_y() > 50:
            pdf.add_page()
        if level == 2:
            pdf.start_section(text)
        pdf.set_font("Times", "B" if level else "", (11, 22, 15)[level])
        pdf.multi_cell(0, (5.5, 16, 12)[level], " ".join(text.split()), new_x="LMARGIN", new_y="NEXT")
        pdf.ln(2)
    pdf.output(str(path))


def make_docx(source: str, path: Path) -> None:
    """Headings in Word's own styles, a table, and a header on each page."""
    document = Document()
    document.core_properties.created = document.core_properties.modified = WRITTEN
    document.sections[0].header.paragraphs[0].text = "Water authority of the Cauce Viejo"
    for level, text in blocks(source):
        if level:
            document.add_heading(text, level=level - 1)
        elif text.startswith("|"):
            add_table(document, [line.strip("| ").split(" | ") for line in text.splitlines() if "---" not in line])
        else:
            document.add_paragraph(" ".join(text.split()))
    document.save(str(path))


def add_table(document: Docx, rows: list[list[str]]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    for cells, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, texts, strict=True):
            cell.text = text


if __name__ == "__main__":
    make_pdf("field-guide.md", HERE / "documents" / "field-guide.pdf")
    make_docx("survey.md", HERE / "documents" / "survey.docx")
