"""PDF: forms, comments, attachments."""

from __future__ import annotations

import pytest

from tests.services.docproc.parsing.pdfs import at, one_page, stream
from tests.services.docproc.parsing.reading import Read

PDF = "application/pdf"
FORM = b"/AcroForm<</Fields[%b]/NeedAppearances true/DA(/F 12 Tf 0 g)/DR<</Font<</F 3 0 R>>>>>>"


def note(kind: bytes, entries: bytes) -> bytes:
    return b"<</Type/Annot/Subtype/%b/Rect[50 50 70 70]%b>>" % (kind, entries)


@pytest.mark.parametrize("kind", [b"Text", b"Highlight", b"Underline", b"Square", b"Ink", b"Caret"])
def test_comments_are_text_of_their_page(read: Read, kind: bytes) -> None:
    """What somebody wrote into a note or a mark is found on its page, once, though the mark also has a window."""
    content = one_page(
        at(20, 200, "The text itself."),
        note(kind, b"/Contents(Please check this figure.)/Popup 7 0 R"),
        note(b"Popup", b"/Parent 6 0 R/Contents(Please check this figure.)"),
        entries=b"/Annots[6 0 R 7 0 R]",
    )
    assert read(PDF, content).text == "The text itself.\n\nPlease check this figure."


def test_a_comment_that_repeats_the_text_is_not_doubled(read: Read) -> None:
    """Some programs copy what is marked into the mark."""
    content = one_page(
        at(20, 200, "The text itself."), note(b"Highlight", b"/Contents(text itself)"), entries=b"/Annots[6 0 R]"
    )
    assert read(PDF, content).text == "The text itself."


def test_hidden_comments_and_links_are_not_text(read: Read) -> None:
    """What a viewer doesn't show isn't read."""
    content = one_page(
        at(20, 200, "The text itself."),
        *(note(b"Text", b"/Contents(hidden)/F 2"), note(b"Link", b"/Contents(a link)")),
        entries=b"/Annots[6 0 R 7 0 R]",
    )
    assert read(PDF, content).text == "The text itself."


@pytest.mark.parametrize("drawn", [True, False])
def test_text_typed_onto_the_page_is_read_once(read: Read, drawn: bool) -> None:
    """A free text is there once, whether or not the file says how it looks."""
    picture = stream(
        b"BT /F 12 Tf 2 2 Td (typed onto) Tj ET",
        entries=b"/Type/XObject/Subtype/Form/BBox[0 0 150 20]/Resources<</Font<</F 3 0 R>>>>",
    )
    look = b"/AP<</N 7 0 R>>" if drawn else b""
    content = one_page(
        at(20, 200, "Below:"),
        b"<</Type/Annot/Subtype/FreeText/Rect[50 50 200 70]/DA(/F 12 Tf)/Contents(typed onto)%b>>" % look,
        picture,
        entries=b"/Annots[6 0 R]",
    )
    text = read(PDF, content).text
    assert text.startswith("Below:")
    assert text.count("typed onto") == 1


def test_a_stamp_shows_its_words(read: Read) -> None:
    """What a stamp's picture says is text of the page."""
    picture = stream(
        b"BT /F 12 Tf 2 2 Td (APPROVED) Tj ET",
        entries=b"/Type/XObject/Subtype/Form/BBox[0 0 150 20]/Resources<</Font<</F 3 0 R>>>>",
    )
    content = one_page(at(20, 200, "A plan."), note(b"Stamp", b"/AP<</N 7 0 R>>"), picture, entries=b"/Annots[6 0 R]")
    assert read(PDF, content).text == "A plan.\n\nAPPROVED"


def widget(kind: bytes, box: bytes, entries: bytes) -> bytes:
    return b"<</Type/Annot/Subtype/Widget/FT/%b/Rect[%b]/F 4/DA(/F 12 Tf 0 g)%b>>" % (kind, box, entries)


def test_fields_stand_behind_their_labels(read: Read) -> None:
    """The value of a field is read on the line on which it stands; several lines of it too."""
    content = one_page(
        at(20, 200, "Name:") + at(20, 180, "City:") + at(20, 150, "Thank you."),
        widget(b"Tx", b"80 178 200 192", b"/T(city)/V(London)"),
        widget(b"Tx", b"80 198 200 212", b"/T(name)/V(Ada Lovelace)"),
        entries=b"/Annots[6 0 R 7 0 R]",
        catalog=FORM % b"6 0 R 7 0 R",
    )
    assert read(PDF, content).text == "Name: Ada Lovelace\nCity: London\nThank you."


def test_boxes_and_choices_are_text(read: Read) -> None:
    """A box that is ticked differs from one that isn't, and a choice is read as it is shown; a password never."""
    on = b"/AS/Yes/V/Yes/AP<</N<</Yes 11 0 R/Off 11 0 R>>>>"
    off = b"/AS/Off/V/Off/AP<</N<</Yes 11 0 R/Off 11 0 R>>>>"
    content = one_page(
        at(60, 200, "by train") + at(60, 180, "by plane") + at(20, 150, "Colour:") + at(20, 120, "Secret:"),
        widget(b"Btn", b"40 198 54 212", b"/T(a)" + on),
        widget(b"Btn", b"40 178 54 192", b"/T(b)" + off),
        widget(b"Ch", b"80 148 200 162", b"/T(c)/Ff 131072/Opt[[(r)(dark red)][(b)(blue)]]/V(r)"),
        widget(b"Tx", b"80 118 200 132", b"/T(d)/Ff 8192/V(hush)"),
        b"null",
        stream(b"", entries=b"/Type/XObject/Subtype/Form/BBox[0 0 14 14]"),
        entries=b"/Annots[6 0 R 7 0 R 8 0 R 9 0 R]",
        catalog=FORM % b"6 0 R 7 0 R 8 0 R 9 0 R",
    )
    text = read(PDF, content).text
    assert "[x] by train\n[ ] by plane" in text
    assert "Colour: dark red" in text
    assert "hush" not in text


def test_a_form_of_another_kind_gives_its_words(read: Read) -> None:
    """An XFA form, whose page only asks for another viewer, gives its labels and values, and a warning says so."""
    template = b"<template><draw><value><text>Your name</text></value></draw></template>"
    values = b"<datasets><data><form><name>Ada Lovelace</name></form></data></datasets>"
    content = one_page(
        at(20, 200, "Please wait..."),
        *(stream(template), stream(values)),
        catalog=b"/NeedsRendering true/AcroForm<</Fields[]/XFA[(template)6 0 R(datasets)7 0 R]>>",
    )
    extracted = read(PDF, content)
    assert extracted.text == "Please wait...\n\nYour name\nname: Ada Lovelace"
    assert any("XFA" in warning for warning in extracted.warnings)


def test_attached_files_are_named_in_a_warning(read: Read) -> None:
    """Files inside a PDF aren't read, and the sender is told which."""
    embedded = stream(b"a,b", entries=b"/Type/EmbeddedFile")
    content = one_page(
        at(20, 200, "See the attached."),
        b"<</Type/Filespec/F(data.csv)/UF(data.csv)/EF<</F 7 0 R>>>>",
        embedded,
        b"<</Type/Annot/Subtype/FileAttachment/Rect[50 50 70 70]/FS 9 0 R>>",
        b"<</Type/Filespec/F(note.txt)/UF(note.txt)/EF<</F 7 0 R>>>>",
        entries=b"/Annots[8 0 R]",
        catalog=b"/Names<</EmbeddedFiles<</Names[(data.csv)6 0 R]>>>>",
    )
    assert read(PDF, content).warnings == ("Files inside the PDF, not read: data.csv, note.txt",)
