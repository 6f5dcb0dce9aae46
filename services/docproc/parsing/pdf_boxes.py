"""Where things stand on a PDF's page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Box:
    """In points, turned so that most of the page's text runs to the right: x grows to the right, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def include(self, other: Box) -> None:
        self.left, self.bottom = min(self.left, other.left), min(self.bottom, other.bottom)
        self.right, self.top = max(self.right, other.right), max(self.top, other.top)

    def beside(self, other: Box) -> bool:
        """Whether the two share no x."""
        return self.right <= other.left or other.right <= self.left

    def holds(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )


def turned(edges: tuple[float, float, float, float], turn: int) -> Box:
    """The box of left, bottom, right and top as it lies after `turn` quarter turns with the clock."""
    left, bottom, right, top = edges
    if turn == 1:
        return Box(bottom, -right, top, -left)
    if turn == 2:
        return Box(-right, -top, -left, -bottom)
    if turn == 3:
        return Box(-top, left, -bottom, right)
    return Box(left, bottom, right, top)
