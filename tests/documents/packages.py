"""Office files as the programs that read them want them: with a list of the parts' types, and the way to the first."""

from __future__ import annotations

from tests.services.docproc.hostile.office_files import relations, zipped

Parts = dict[str, str]

_MAIN = "application/vnd.openxmlformats-officedocument."
_TYPES = {
    "word/document.xml": f"{_MAIN}wordprocessingml.document.main+xml",
    "word/styles": f"{_MAIN}wordprocessingml.styles+xml",
    "word/numbering": f"{_MAIN}wordprocessingml.numbering+xml",
    "word/header": f"{_MAIN}wordprocessingml.header+xml",
    "word/footer": f"{_MAIN}wordprocessingml.footer+xml",
    "word/footnotes": f"{_MAIN}wordprocessingml.footnotes+xml",
    "word/comments": f"{_MAIN}wordprocessingml.comments+xml",
    "ppt/presentation.xml": f"{_MAIN}presentationml.presentation.main+xml",
    "ppt/slides/slide": f"{_MAIN}presentationml.slide+xml",
    "ppt/notesSlides/": f"{_MAIN}presentationml.notesSlide+xml",
    "xl/workbook.xml": f"{_MAIN}spreadsheetml.sheet.main+xml",
    "xl/worksheets/sheet": f"{_MAIN}spreadsheetml.worksheet+xml",
    "xl/styles": f"{_MAIN}spreadsheetml.styles+xml",
    "xl/sharedStrings": f"{_MAIN}spreadsheetml.sharedStrings+xml",
    "xl/comments": f"{_MAIN}spreadsheetml.comments+xml",
}


def office_file(first: str, parts: Parts) -> bytes:
    """A zip of these parts, of which `first` is where a reader begins."""
    overrides = "".join(
        f'<Override PartName="/{part}" ContentType="{kind}"/>'
        for part in parts
        for beginning, kind in _TYPES.items()
        if part.startswith(beginning)
    )
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )
    whole = {"[Content_Types].xml": types, "_rels/.rels": relations(("officeDocument", first)), **parts}
    return zipped([(name, _PROLOG + content) for name, content in whole.items()])


_PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
