"""The straight lines that are drawn on a PDF's page: the rules of its tables, and the frames of its boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ctypes import byref, c_float, c_int
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.docproc.parsing.pdf_boxes import turned

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 20_000
_DEPTH = 4
_MAY_HOLD_RULES = (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM)
_THIN = 3.0
"""Points: a filled shape at most this wide is a rule, and so is a stroke that leans no further."""
_SHORT = 3.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A line at `at` on one axis, from `start` to `end` on the other."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Rules:
    level: tuple[Rule, ...] = ()
    upright: tuple[Rule, ...] = ()


class _TooMany(Exception):
    """The page draws more than is worth looking at: a map, a plot."""


def rules(page: pdfium.PdfPage, turn: int) -> Rules:
    """Nothing where the page draws so much that it shows a picture rather than a table."""
    try:
        drawn = list(_drawn(page))
    except _TooMany:
        return Rules()
    found = _rules((line for line, broad in drawn if not broad), turn)
    return found if found.level and found.upright else _rules((line for line, _ in drawn), turn)


def _rules(lines: Iterable[_Line], turn: int) -> Rules:
    level, upright = list[Rule](), list[Rule]()
    for line in lines:
        place = turned(line, turn)
        width, height = place.right - place.left, place.top - place.bottom
        if height <= _THIN and width >= _SHORT and width > height:
            level.append(Rule((place.top + place.bottom) / 2, place.left, place.right))
        elif width <= _THIN and height >= _SHORT:
            upright.append(Rule((place.left + place.right) / 2, place.bottom, place.top))
    return Rules(tuple(level), tuple(upright))


_Matrix = tuple[float, float, float, float, float, float]
_Line = tuple[float, float, float, float]
_Drawn = tuple[_Line, bool]
"""Left, bottom, right, top; and whether it is the edge of a broad area rather than a line."""


def _drawn(page: pdfium.PdfPage) -> Iterator[_Drawn]:
    """Each side of each drawn path."""
    count = raw.FPDFPage_CountObjects(page)
    if count > _MOST_OBJECTS:
        raise _TooMany
    budget = _Budget()
    for index in range(count):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) in _MAY_HOLD_RULES:
            yield from _object(item, (1, 0, 0, 1, 0, 0), budget, 0)


class _Budget:
    def __init__(self) -> None:
        self.left = _MOST_SEGMENTS

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise _TooMany


def _object(item: raw.FPDF_PAGEOBJECT, outer: _Matrix, budget: _Budget, depth: int) -> Iterator[_Drawn]:
    kind = raw.FPDFPageObj_GetType(item)
    if kind == raw.FPDF_PAGEOBJ_PATH:
        yield from _path(item, outer, budget)
    elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEPTH:
        count = raw.FPDFFormObj_CountObjects(item)
        budget.take(count)
        inner = _times(_matrix(item), outer)
        for index in range(count):
            yield from _object(raw.FPDFFormObj_GetObject(item, index), inner, budget, depth + 1)


def _path(path: raw.FPDF_PAGEOBJECT, outer: _Matrix, budget: _Budget) -> Iterator[_Drawn]:
    count = raw.FPDFPath_CountSegments(path)
    budget.take(count)
    points = _points(path, count, _times(_matrix(path), outer))
    mode, stroke = c_int(), raw.FPDF_BOOL()
    raw.FPDFPath_GetDrawMode(path, byref(mode), byref(stroke))
    if stroke.value:
        for (drawn, x, y), (_, before_x, before_y) in zip(points[1:], points, strict=False):
            if drawn:
                yield (min(x, before_x), min(y, before_y), max(x, before_x), max(y, before_y)), False
    elif mode.value and points:
        yield from _filled(points)


def _filled(points: list[tuple[bool, float, float]]) -> Iterator[_Drawn]:
    """A thin shape is a line; a broad one is the ground of a cell, whose edges count where nothing else is drawn."""
    shape: list[tuple[float, float]] = []
    for drawn, x, y in [*points, (False, 0.0, 0.0)]:
        if not drawn and shape:
            left, right = min(x for x, _ in shape), max(x for x, _ in shape)
            bottom, top = min(y for _, y in shape), max(y for _, y in shape)
            if min(right - left, top - bottom) <= _THIN:
                yield (left, bottom, right, top), False
            elif len(shape) <= 5:
                yield from (((left, y, right, y), True) for y in (bottom, top))
                yield from (((x, bottom, x, top), True) for x in (left, right))
            shape = []
        shape.append((x, y))


def _points(path: raw.FPDF_PAGEOBJECT, count: int, matrix: _Matrix) -> list[tuple[bool, float, float]]:
    """Each point of the path, with whether a straight line leads to it; where it closes, its start once more."""
    a, b, c, d, e, f = matrix
    x, y = c_float(), c_float()
    points, start = list[tuple[bool, float, float]](), (0.0, 0.0)
    for index in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        place = (a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = place
        points.append((kind == raw.FPDF_SEGMENT_LINETO, *place))
        if raw.FPDFPathSegment_GetClose(segment):
            points.append((True, *start))
    return points


def _matrix(item: raw.FPDF_PAGEOBJECT) -> _Matrix:
    found = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(item, byref(found))
    return (found.a, found.b, found.c, found.d, found.e, found.f)


def _times(one: _Matrix, other: _Matrix) -> _Matrix:
    a, b, c, d, e, f = one
    g, h, i, j, k, m = other
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)
