"""OpenDocument texts, sheets and slides."""

from __future__ import annotations

from shared.errors import Code
from shared.media_types import ODP, ODS, ODT
from tests.documents.made import Made, refused
from tests.services.docproc.hostile.office_files import zipped
from tests.services.docproc.parsing.opendocument import (
    box,
    cell,
    comment,
    manifest,
    opendocument,
    paragraph,
    row,
    table,
)


def _heading(text: str, level: int) -> str:
    return f'<text:h text:outline-level="{level}">{text}</text:h>'


def _note(text: str) -> str:
    body = f"<text:note-citation>1</text:note-citation><text:note-body>{paragraph(text)}</text:note-body>"
    return f'<text:note text:note-class="footnote">{body}</text:note>'


def _listed(*texts: str) -> str:
    return f"<text:list>{''.join(f'<text:list-item>{paragraph(text)}</text:list-item>' for text in texts)}</text:list>"


def report() -> bytes:
    """Headings, a footnote, a comment, a list, a table, and text that was deleted and is still stored."""
    deleted = f"<text:changed-region><text:deletion>{paragraph('Ponte demolida')}</text:deletion></text:changed-region>"
    body = (
        f"<text:tracked-changes>{deleted}</text:tracked-changes>"
        + _heading("Relatório da estação", 1)
        + paragraph(
            f"A medição começou em março{_note('Segundo o livro do guarda.')} e não parou{comment('Confirmar.')}."
        )
        + _heading("Próximos passos", 2)
        + _listed("pintar a régua", "consertar o portão")
        + table(row(cell("Estação"), cell("Nível")), row(cell("Ponte Velha"), cell("2,40")))
    )
    return zipped(opendocument("text", body))


def locked() -> bytes:
    """The list of its parts says that they are encrypted."""
    sealed = manifest('<m:encryption-data m:checksum="x"/>')
    return zipped(opendocument("text", "") | {"META-INF/manifest.xml": sealed, "content.xml": "sealed"})


def sheets() -> bytes:
    """Numbers and dates as they are stored, not as they are shown; a row that is repeated; a second sheet."""
    number = 'office:value-type="float" office:value="{}"'
    date = 'office:value-type="date" office:date-value="2025-05-04"'
    levels = table(
        row(cell("İstasyon"), cell("Seviye"), cell("Gün")),
        row(cell("Eski Köprü"), cell("2,40", number.format("2.4")), cell("4 Mayıs", date)),
        row(cell("Aşağı bent"), cell("-0,15", number.format("-0.15")), attributes='table:number-rows-repeated="2"'),
        name="Seviyeler",
    )
    return zipped(opendocument("sheet", levels + table(row(cell("Tổng cộng"), cell("2250")), name="Tổng")))


def slides() -> bytes:
    """Two slides with titles, and what the speaker will say on the second."""
    title, notes = ('presentation:class="title"', 'presentation:class="notes"')
    spoken = f"<presentation:notes>{box(paragraph('Näytä kartta'), notes)}</presentation:notes>"
    pages = (
        box(paragraph("Joen jää"), title) + box(paragraph("Lähtö keväällä, paksuus 60 cm")),
        box(paragraph("Yöllä mitattu"), title) + box(paragraph("Vanha silta: −12 °C")) + spoken,
    )
    return zipped(opendocument("slides", "".join(f"<draw:page>{each}</draw:page>" for each in pages)))


MADE = (
    Made(
        "report.odt",
        report,
        ODT,
        strings=(
            "Relatório da estação",
            "A medição começou em março e não parou.",
            "Segundo o livro do guarda.",
            "Confirmar.",
            "consertar o portão",
            "Ponte Velha 2,40",
        ),
        forbidden=("Ponte demolida",),
        tags=("footnote", "comment", "table", "tracked changes"),
    ),
    Made(
        "levels.ods",
        sheets,
        ODS,
        pages={
            1: ("İstasyon Seviye Gün", "Eski Köprü 2.4 2025-05-04", "Aşağı bent -0.15"),
            2: ("Tổng cộng 2250",),
        },
        page_count=2,
        tags=("dates",),
    ),
    Made(
        "show.odp",
        slides,
        ODP,
        pages={
            1: ("Joen jää", "Lähtö keväällä, paksuus 60 cm"),
            2: ("Yöllä mitattu", "Vanha silta: −12 °C", "Näytä kartta"),
        },
        page_count=2,
        tags=("notes",),
    ),
    refused("password.odt", locked, Code.ENCRYPTED, ODT),
)
