"""Documents made up at random, the same for the same seed, with everything that chunking has to do with."""

from __future__ import annotations

import random

from services.docproc.parsing import Extracted, Limits, Page
from services.docproc.parsing.writer import Writer
from shared.contracts.kinds import Kind

LATIN = "river bed water over stone and sand the flood divides here nobody knows e.g. Größe naïveté"
ODD = "don't well-known 3.14 (yes) русло مجرى https://example.org/a?b=c|d user@example.org x"
WORDS = (*LATIN.split(" "), *ODD.split(" "))
UNSPACED = ("河床是河流流经的地方。", "川はここで分かれる。", "แม่น้ำไหลผ่านที่นี่", "강바닥", "👩‍👩‍👧‍👦🏞️")


class Author:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def document(self) -> Extracted:
        """Of one to three pages. Two in three are Markdown."""
        pages = [self._page(number) for number in range(1, self._random.randint(1, 3) + 1)]
        return Extracted(tuple(page for page in pages if page), len(pages), markdown=self._random.random() < 2 / 3)

    def _page(self, number: int) -> Page:
        writer = Writer(Limits())
        writer.block(self._sentence())
        for _ in range(self._random.randint(0, 12)):
            self._random.choice((self._heading, self._paragraph, self._list, self._table, self._code, self._notes))(
                writer
            )
        writer.end_page(number)
        return writer.pages[0]

    def _heading(self, writer: Writer) -> None:
        for _ in range(self._random.choice((1, 1, 1, 2))):
            writer.heading(self._random.randint(1, 4), self._words(self._random.randint(1, 6)))

    def _paragraph(self, writer: Writer) -> None:
        gap = self._random.choice((" ", " ", "\n"))
        writer.block(gap.join(self._sentence() for _ in range(self._random.choice((1, 1, 3, 20)))))

    def _list(self, writer: Writer) -> None:
        for place in range(self._random.choice((2, 30))):
            writer.item(self._sentence(), self._random.randint(0, 2), first=place == 0)

    def _table(self, writer: Writer) -> None:
        columns, longest = self._random.randint(1, 5), self._random.choice((1, 2, 2, 60))
        rows = self._random.choice((1, 3, 40))
        writer.table([[self._cell(longest) for _ in range(columns)] for _ in range(rows)])

    def _cell(self, longest: int) -> str:
        return self._words(self._random.randint(0, longest)).replace("|", "/") or "-"

    def _code(self, writer: Writer) -> None:
        lines = [" " * self._random.randint(0, 8) + self._words(3) for _ in range(self._random.choice((1, 5, 60)))]
        for place in range(3, len(lines), 4):
            lines[place] = ""
        with writer.marked(Kind.CODE):
            writer.block("```\n" + "\n".join(lines) + "\n```")

    def _notes(self, writer: Writer) -> None:
        with writer.marked(Kind.NOTES):
            for _ in range(self._random.choice((1, 4))):
                writer.block(self._sentence())

    def _sentence(self) -> str:
        return self._words(self._random.choice((1, 4, 10, 10, 90))).capitalize() + self._random.choice(
            (".", ".", "?", "")
        )

    def _words(self, count: int) -> str:
        return " ".join(self._word() for _ in range(count))

    def _word(self) -> str:
        dice = self._random.random()
        if dice < 0.02:
            return self._random.choice(UNSPACED) * self._random.randint(1, 20)
        if dice < 0.025:
            return "".join(self._random.choices("abcXYZ019+/", k=600))
        return self._random.choice(WORDS)
