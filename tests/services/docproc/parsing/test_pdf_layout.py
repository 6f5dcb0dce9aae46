"""PDF: the order in which a page is read, its paragraphs, its tables."""

from __future__ import annotations

import random
import re
import time
from collections import Counter

import pytest

from tests.services.docproc.parsing.pdfs import (
    JAPANESE,
    JAPANESE_DOWNWARDS,
    KOREAN,
    at,
    far_eastern,
    grid,
    lines,
    one_page,
    paged,
    rule,
)
from tests.services.docproc.parsing.reading import Read

PDF = "application/pdf"
LEFT = (
    "The heron stands in the",
    "shallow water of the",
    "river and waits for fish",
    "to come by. Nothing",
    "moves there.",
)
RIGHT = (
    *("Further up the valley a", "mill turns wheels since", "the bridge was built by", "those people whose town"),
    "lies in the next valley.",
)
ONE, TWO = " ".join(LEFT), " ".join(RIGHT)


def by_row(*columns: tuple[float, tuple[str, ...]], top: float = 250) -> bytes:
    """The columns as some programs write them: line by line across the page."""
    rows = zip(*(texts for _, texts in columns), strict=True)
    return b"".join(
        at(x, top - 14 * count, text)
        for count, row in enumerate(rows)
        for (x, _), text in zip(columns, row, strict=True)
    )


def test_columns_drawn_line_by_line_are_read_column_by_column(read: Read) -> None:
    """A sentence of the left column isn't torn by what stands beside it."""
    text = read(PDF, one_page(by_row((10, LEFT), (160, RIGHT)))).text
    assert ONE in text
    assert TWO in text
    assert text.index(ONE) < text.index(TWO)


def test_columns_drawn_one_after_the_other_stay_so(read: Read) -> None:
    """A file that has its columns in order is read in its own order."""
    text = read(PDF, one_page(lines(10, 250, *LEFT) + lines(160, 250, *RIGHT))).text
    assert text.index(ONE) < text.index(TWO)


def test_three_columns(read: Read) -> None:
    """Each of three columns is read to its end before the next."""
    columns = [tuple(f"in {name} we see line {count}" for count in range(8)) for name in ("A", "B", "C")]
    content = b"".join(
        at(5 + 100 * column, 250 - 12 * row, columns[column][row], size=8) for row in range(8) for column in range(3)
    )
    text = read(PDF, one_page(content)).text
    places = [text.index(line) for column in columns for line in column]
    assert places == sorted(places)


def test_a_title_across_the_columns_comes_first(read: Read) -> None:
    """What spans the columns stands above both and is read before, what spans them below is read behind."""
    content = by_row((10, LEFT), (160, RIGHT), top=230)
    whole = one_page(
        at(60, 270, "A title over both of the columns") + content + at(40, 100, "The end, again across both columns")
    )
    text = read(PDF, whole).text
    assert text.startswith("A title over both of the columns")
    assert text.index(ONE) < text.index(TWO) < text.index("The end, again")


def test_columns_from_right_to_left(read: Read) -> None:
    """Where most of a page is in Arabic or Hebrew, the right column is the first."""
    # the font's codes a to j stand for Hebrew letters
    names = b"/CIDInit/ProcSet findresource begin begincmap 1 beginbfrange <61> <6A> <05D0> endbfrange endcmap end"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"
    right, left = ("abc dea bcd eab cd",) * 5, ("fgh ijf ghi jfg hi",) * 5
    stream = b"<</Length %d>>stream\n%b\nendstream" % (len(names), names)
    content = one_page(by_row((10, left), (160, right)), font, stream).replace(b"/F 3 0 R", b"/F 6 0 R")
    letters = "".join(read(PDF, content).text.split())
    assert set(letters[: len(letters) // 2]) == set("אבגדה")
    assert set(letters[len(letters) // 2 :]) == set("וזחטי")


def test_lines_drawn_in_any_order_are_read_from_the_top(read: Read) -> None:
    """The order in which a program drew the lines doesn't matter where it makes no sense."""
    texts = [f"this is the line with the number {count}" for count in range(12)]
    content = b"".join(at(20, 250 - 16 * count, texts[count]) for count in (7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 4, 6))
    text = read(PDF, one_page(content)).text
    places = [text.index(line) for line in texts]
    assert places == sorted(places)


def test_a_footer_drawn_first_is_read_last(read: Read) -> None:
    """A block that stands below the others comes behind them."""
    text = read(PDF, one_page(at(20, 20, "page 7 of 9") + lines(20, 250, "The first line.", "The second line."))).text
    assert text.index("second") < text.index("page 7")


def test_boxes_side_by_side_keep_the_order_of_the_file(read: Read) -> None:
    """Short lines beside each other are no columns of prose: the file's own order stands."""
    text = read(
        PDF, one_page(lines(10, 250, "Ann", "Main Street", "Paris") + lines(200, 250, "Bob", "High Road", "Rome"))
    ).text
    assert " ".join(text.split()) == "Ann Main Street Paris Bob High Road Rome"


def test_a_table_without_rules_is_read_row_by_row(read: Read) -> None:
    """Cells that only stand in line are found beside each other."""
    rows = [("Bolts", "120", "3.50"), ("Nuts", "80", "1.25"), ("Washers", "300", "0.10"), ("Screws", "45", "2.00")]
    content = b"".join(at(20 + 90 * x, 250 - 16 * y, cell) for y, row in enumerate(rows) for x, cell in enumerate(row))
    assert read(PDF, one_page(content)).text.splitlines() == [" ".join(row) for row in rows]


def test_a_turned_page_is_read_as_it_is_turned(read: Read) -> None:
    """Columns and paragraphs are found on a page that lies on its side."""
    content = b"".join(at(50 + 14 * count, 10, text, turned=True) for count, text in enumerate(LEFT))
    text = read(PDF, one_page(content, entries=b"/Rotate 90")).text
    assert ONE in text


def test_turned_lines_beside_upright_text_are_whole(read: Read) -> None:
    """A note along the margin doesn't run into the next one, nor into the text."""
    content = lines(60, 250, *LEFT) + at(20, 50, "turned words", turned=True) + at(34, 50, "more of them", turned=True)
    text = read(PDF, one_page(content)).text
    assert ONE in text
    assert {"turned words", "more of them"} <= set(text.splitlines())


def test_the_lines_of_a_paragraph_are_one(read: Read) -> None:
    """A sentence is found across a line's end; a paragraph that is set apart and an item of a list begin anew."""
    content = (
        lines(20, 250, *LEFT)
        + lines(20, 165, *RIGHT)
        + lines(20, 80, "- a first item in a list", "- and a second one in it")
    )
    paragraphs = read(PDF, one_page(content)).text.split("\n\n")
    assert paragraphs == [ONE, TWO, "- a first item in a list\n- and a second one in it"]


def test_short_lines_stay_apart(read: Read) -> None:
    """Lines that end before they must, as those of an address, aren't joined."""
    address = ("Ada Lovelace", "12 St James's Square, second floor", "London", "United Kingdom")
    assert read(PDF, one_page(lines(20, 250, *address))).text.splitlines() == list(address)


def test_divided_words_are_whole(read: Read) -> None:
    """A word that a hyphen divides at a line's end is one word; a compound keeps its hyphen."""
    content = lines(
        20,
        250,
        "We look for whole sen-",
        "tences, and a well-",
        "known state-of-the-",
        "art word, and Jean-",
        "Paul of 1990-",
        "1999.",
    )
    text = " ".join(read(PDF, one_page(content)).text.split())
    for words in ("whole sentences,", "a well-known", "state-of-the-art word", "and Jean-Paul"):
        assert words in text


def test_the_document_decides_about_a_hyphen(read: Read) -> None:
    """Where the same word stands undivided elsewhere, on another page even, it is written so."""
    divided = lines(20, 250, "They sent an e-", "mail to the co-", "operative, then rested.")
    elsewhere = lines(20, 250, "No e-mail arrived.", "The cooperative waits.")
    text = " ".join(read(PDF, paged(divided, elsewhere)).pages[0].text.split())
    assert text == "They sent an e-mail to the cooperative, then rested."


def test_a_raised_figure_stays_in_its_line(read: Read) -> None:
    """What is raised, as a note's number, doesn't break the sentence."""
    content = at(20, 200, "as was shown") + at(93, 205, "3", size=7) + at(99, 200, "by others, and is still true.")
    assert (
        read(PDF, one_page(content)).text.replace("shown 3", "shown3") == "as was shown3 by others, and is still true."
    )


CELLS = [("Name", "Amount", "Price"), ("Bolts of steel", "1 000", "3.50"), ("Nuts", "80", "1.25")]


def table(*, left: float = 20, top: float = 250) -> bytes:
    xs, ys = [left + 90 * count for count in range(4)], [top - 20 * count for count in range(4)]
    cells = b"".join(at(xs[x] + 4, ys[y] - 15, cell) for y, row in enumerate(CELLS) for x, cell in enumerate(row))
    return grid(xs, ys) + cells


def test_a_ruled_table_is_one_in_markdown(read: Read) -> None:
    """In its place on the page, and its text is there once."""
    content = at(20, 280, "Before it.") + table() + at(20, 150, "Behind it.")
    assert read(PDF, one_page(content)).text == (
        "Before it.\n\n| Name | Amount | Price |\n| --- | --- | --- |\n"
        "| Bolts of steel | 1 000 | 3.50 |\n| Nuts | 80 | 1.25 |\n\nBehind it."
    )


def test_a_table_on_a_turned_page(read: Read) -> None:
    """The rules turn with the text."""
    content = b"0 1 -1 0 300 0 cm " + table()
    assert "| Bolts of steel | 1 000 | 3.50 |" in read(PDF, one_page(content, entries=b"/Rotate 90")).text


def test_cells_drawn_column_by_column_are_read_row_by_row(read: Read) -> None:
    """The rules say what belongs together, whatever the order in the file."""
    cells = b"".join(at(24 + 90 * x, 235 - 20 * y, CELLS[y][x]) for x in range(3) for y in range(3))
    content = cells + grid([20, 110, 200, 290], [250, 230, 210, 190])
    assert "| Nuts | 80 | 1.25 |" in read(PDF, one_page(content)).text


def test_a_cell_of_several_lines_is_whole(read: Read) -> None:
    """A cell's lines are joined, and a word that is divided in it is whole."""
    content = grid([20, 120, 280], [250, 190, 160])
    content += lines(24, 236, "Non-methane", "volatile com-", "pounds") + at(124, 236, "100 000")
    content += at(24, 170, "Water") + at(124, 170, "0")
    rows = read(PDF, one_page(content)).text.splitlines()
    assert rows[0] == "| Non-methane volatile compounds | 100 000 |"


def test_merged_cells_are_read_once(read: Read) -> None:
    """A head that spans two columns stands over the first of them."""
    content = grid([20, 100, 180, 260], [210, 190, 170]) + rule(20, 230, 260, 230)
    content += rule(20, 230, 20, 210) + rule(100, 230, 100, 210) + rule(260, 230, 260, 210)
    content += at(110, 215, "Both together here") + b"".join(at(24 + 80 * x, 195, f"c{x}") for x in range(3))
    content += b"".join(at(24 + 80 * x, 175, f"d{x}") for x in range(3))
    assert read(PDF, one_page(content)).text.splitlines() == [
        *("|  | Both together here |  |", "| --- | --- | --- |"),
        *("| c0 | c1 | c2 |", "| d0 | d1 | d2 |"),
    ]


def test_rows_without_rules_between_them_are_rows(read: Read) -> None:
    """A table that is ruled only around its head and its columns still has a row for each entry."""
    content = grid([20, 120, 280], [250, 230, 150]) + at(24, 235, "Key") + at(124, 235, "Meaning")
    content += b"".join(at(24, 215 - 15 * y, f"key{y}") for y in range(4))
    content += b"".join(at(124, 215 - 15 * y, f"what {y} means") for y in (0, 1, 3))
    rows = read(PDF, one_page(content)).text.splitlines()
    assert rows[2:] == ["| key0 | what 0 means |", "| key1 | what 1 means |", "| key2 |  |", "| key3 | what 3 means |"]


def test_a_frame_is_no_table(read: Read) -> None:
    """A box around text, or lines that part its paragraphs, leave the text as it is."""
    content = grid([10, 290], [280, 150, 20]) + lines(20, 250, *LEFT) + lines(20, 130, *RIGHT)
    text = read(PDF, one_page(content)).text
    assert "|" not in text
    assert ONE in text


@pytest.mark.parametrize("seed", range(40))
def test_no_letter_is_lost_or_doubled(read: Read, seed: int) -> None:
    """Whatever stands where, and whatever is drawn around it: each word is read, and once."""
    chance = random.Random(seed)
    words = [f"w{number}x" for number in range(chance.choice((3, 20, 60)))]
    step = chance.choice((1, 10, 40))
    places = [(chance.randrange(20, 250, step), chance.randrange(10, 260, step)) for _ in words]
    content = b"".join(
        at(x, y, word, turned=chance.random() < 0.1) for (x, y), word in zip(dict.fromkeys(places), words, strict=False)
    )
    for _ in range(chance.choice((0, 2, 6))):
        xs, ys = sorted(chance.sample(range(0, 300, 20), 4)), sorted(chance.sample(range(0, 300, 20), 5))
        content += grid(xs[: chance.randint(1, 4)], ys[: chance.randint(1, 5)])
    read_letters = Counter(re.sub(r"[\s|-]", "", read(PDF, one_page(content)).text))
    shown = "".join(word for _, word in zip(dict.fromkeys(places), words, strict=False))
    assert read_letters == Counter(shown)


def test_a_page_that_draws_very_much_is_read_in_time(read: Read) -> None:
    """A map of a hundred thousand lines doesn't hold up its words: rules are looked for among so many only."""
    content = b"".join(rule(x, y, x, y + 2) for x in range(300) for y in range(0, 300, 3)) + table()
    start = time.process_time()
    assert "Bolts of steel" in read(PDF, one_page(content)).text
    assert time.process_time() - start < 10


CAT = ("吾輩は猫である名前は", "まだ無いどこで生れた", "かとんと見当がつかぬ")


@pytest.mark.parametrize("in_form", [False, True])
def test_vertical_text_is_read_column_by_column(read: Read, in_form: bool) -> None:
    """From the right to the left, in a font that is not in the file, also within a form; a gap parts paragraphs."""
    placed = [(x, 250.0, text) for x, text in zip((280, 260, 240, 180, 160, 140), CAT * 2, strict=True)]
    assert read(PDF, far_eastern(JAPANESE_DOWNWARDS, *placed, in_form=in_form)).text == "".join(CAT) + "\n\n" + "".join(
        CAT
    )


def test_marks_stay_in_their_column(read: Read) -> None:
    """A comma, a full stop and brackets of vertical text fill half of their column's width; the column goes on."""
    columns = ("春になると雪が溶けて、", "川の水が「橋の下」まで", "来る。舟は岸に上げる。")
    placed = [(280.0 - 20 * count, 250.0, text) for count, text in enumerate(columns)]
    assert read(PDF, far_eastern(JAPANESE_DOWNWARDS, *placed)).text == "".join(columns)


def test_lines_without_spaces_are_joined_without_any(read: Read) -> None:
    """A word of Japanese that a line's end has torn is one word again; between Korean words the space stays."""
    placed = [(20.0, 250.0 - 14 * count, text) for count, text in enumerate(CAT)]
    assert read(PDF, far_eastern(JAPANESE, *placed)).text == "".join(CAT)
    said = ("나는 고양이다 이름은", "아직 없다 어디서 났는", "지 도무지 짐작이 안 간")
    korean = [(x, y, text) for (x, y, _), text in zip(placed, said, strict=True)]
    assert read(PDF, far_eastern(KOREAN, *korean)).text == " ".join(said)
