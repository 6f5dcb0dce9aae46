"""What people have put onto a PDF's page: into the fields of a form, in comments and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import byref
from dataclasses import dataclass, field

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing.pdf_boxes import Box, turned
from services.docproc.parsing.pdf_lines import Piece

_UNSEEN = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_NOT_NOTES = (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP, raw.FPDF_ANNOT_WIDGET)
_SHOWS_ITSELF = (raw.FPDF_ANNOT_STAMP, raw.FPDF_ANNOT_FREETEXT)
_CHOICES = (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
_BOXES = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
_PASSWORD = 1 << 13
_MOST_PAIRS = 1_000_000


@dataclass(slots=True)
class Notes:
    """`fields` stand in their places; `comments` have none. `drawn` tells that something shows more than is here."""

    fields: list[Piece] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    drawn: bool = False
    count: int = 0


def notes(page: pdfium.PdfPage, turn: int) -> Notes:
    """`turn` as in `PageText`."""
    found = Notes()
    form = page.formenv.raw if page.formenv is not None else None
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        with _opened(page, index) as annotation:
            if annotation and not raw.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
                _take(found, annotation, form, turn)
    return found


def placed(pieces: Sequence[Piece], fields: Sequence[Piece]) -> list[Piece]:
    """The pieces, with each field behind what stands to its left, else before what stands to its right, else below."""
    if len(pieces) * len(fields) > _MOST_PAIRS:
        return [*pieces, *fields]
    placed = list(pieces)
    for each in fields:
        placed.insert(_place(placed, each.box), each)
    return placed


def _place(pieces: Sequence[Piece], box: Box) -> int:
    level = [(index, piece.box) for index, piece in enumerate(pieces) if _share_height(piece.box, box)]
    lefts = [(other.right, index + 1) for index, other in level if other.left < box.left]
    if lefts:
        return max(lefts)[1]
    rights = [(other.left, index) for index, other in level]
    if rights:
        return min(rights)[1]
    above = [(piece.box.bottom, -index) for index, piece in enumerate(pieces) if piece.box.bottom >= box.top - 2]
    return 1 - min(above)[1] if above else 0


def _share_height(one: Box, other: Box) -> bool:
    shared = min(one.top, other.top) - max(one.bottom, other.bottom)
    return shared > 0.5 * min(one.top - one.bottom, other.top - other.bottom)


@contextmanager
def _opened(page: pdfium.PdfPage, index: int) -> Iterator[raw.FPDF_ANNOTATION]:
    annotation = raw.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        raw.FPDFPage_CloseAnnot(annotation)


def _take(found: Notes, annotation: raw.FPDF_ANNOTATION, form: raw.FPDF_FORMHANDLE | None, turn: int) -> None:
    kind = raw.FPDFAnnot_GetSubtype(annotation)
    found.count += 1
    if kind == raw.FPDF_ANNOT_WIDGET:
        text = None if form is None else _value(form, annotation)
        if text is None:
            found.drawn = True
        elif text:
            found.fields.append(_piece(annotation, text, turn, -1 - len(found.fields)))
    elif kind not in _NOT_NOTES:
        contents = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents").strip()
        if contents:
            found.comments.append(contents)
        found.drawn = found.drawn or kind in _SHOWS_ITSELF
        if kind == raw.FPDF_ANNOT_FILEATTACHMENT:
            found.attached.append(_attached(annotation))


def _value(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str | None:
    """What the field shows; None where only its picture tells."""
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BOXES:
        return "[x]" if raw.FPDFAnnot_IsChecked(form, annotation) else "[ ]"
    if kind in _CHOICES:
        return ", ".join(_chosen(form, annotation)) or _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD:
        hidden = raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
        return "" if hidden else _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    return None


def _chosen(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> Iterator[str]:
    for index in range(raw.FPDFAnnot_GetOptionCount(form, annotation)):
        if raw.FPDFAnnot_IsOptionSelected(form, annotation, index):
            yield _string(raw.FPDFAnnot_GetOptionLabel, form, annotation, index)


def _piece(annotation: raw.FPDF_ANNOTATION, text: str, turn: int, number: int) -> Piece:
    rect = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, byref(rect))
    box = turned((rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top)), turn)
    size = min(box.top - box.bottom, 12.0)
    return Piece(text.strip(), box, (box.bottom + box.top) / 2 - 0.3 * size, size, number)


def _attached(annotation: raw.FPDF_ANNOTATION) -> str:
    attachment = raw.FPDFAnnot_GetFileAttachment(annotation)
    return _string(raw.FPDFAttachment_GetName, attachment) if attachment else ""


def attachments(document: pdfium.PdfDocument) -> list[str]:
    """The names of the files in it, in its order."""
    return [
        _string(raw.FPDFAttachment_GetName, raw.FPDFDoc_GetAttachment(document, index))
        for index in range(raw.FPDFDoc_GetAttachmentCount(document))
    ]


def _string(function: Callable[..., int], *arguments: object) -> str:
    """What pdfium's function writes into a buffer, whose size in bytes it tells first."""
    size = function(*arguments, None, 0)
    buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
    function(*arguments, buffer, size)
    return bytes(buffer)[: max(size - 2, 0)].decode("utf-16-le", "replace").replace("\r\n", "\n").replace("\r", "\n")
