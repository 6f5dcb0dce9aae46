"""The charts. What is drawn is separate from how, so that a refresh changes numbers and nothing else on the screen.

Times are in UTC, as in the tables beside them and in the stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import streamlit as st

HEIGHT = 220
TIME = "%H:%M"
MINUTES: Final = "utcyearmonthdatehoursminutes"
DATA = "rows"
"""The data set's name: under one name, new rows replace the old ones in the chart that is there."""
WARNING_COLOUR = "#e08a3c"

_CLOCK = alt.Axis(format=TIME, tickMinStep=60_000)
_COUNTED: Final[dict[str, Any]] = {
    "type": "quantitative",
    "title": None,
    "axis": alt.Axis(tickMinStep=1, tickCount=5, format=",d"),
    "scale": alt.Scale(domain=alt.DomainUnionWith(unionWith=[0, 1])),
}
"""How an axis of whole numbers looks; it has a length also where all of them are 0."""

Row = Mapping[str, Any]


def _show(rows: Sequence[Row], chart: alt.Chart, height: int = HEIGHT) -> None:
    """Nothing to draw is said in words: an empty chart looks like a broken one."""
    if not rows:
        st.caption("nothing yet")
        return
    named = {"data": {"name": DATA}, "datasets": {DATA: [dict(row) for row in rows]}}
    st.vega_lite_chart(spec=chart.to_dict() | named, height=height)


def bars_by_minute(rows: Sequence[Row], x: str, y: str) -> None:
    """`x` is a time, one row a minute."""
    time = alt.X(x, type="temporal", timeUnit=MINUTES, title=None, axis=alt.Axis(format=TIME))
    _show(rows, alt.Chart().mark_bar().encode(x=time, y=alt.Y(y, **_COUNTED), tooltip=[_instant(x), _number(y)]))


def lines(rows: Sequence[Row], x: str, series: str, y: str) -> None:
    """One line per text in `series`, over the times in `x`."""
    encoded = {
        "x": alt.X(x, type="temporal", title=None, axis=_CLOCK, scale=alt.Scale(type="utc")),
        "y": alt.Y(y, type="quantitative", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="~g")),
        "color": alt.Color(series, type="nominal", title=None, legend=alt.Legend(orient="bottom")),
        "tooltip": [_instant(x), alt.Tooltip(series, type="nominal"), _number(y)],
    }
    _show(rows, alt.Chart().mark_line(point=alt.OverlayMarkDef(size=18)).encode(**encoded))


def histogram(rows: Sequence[Row], start: str, end: str, y: str) -> None:
    """`start` and `end` are the ends of a range of numbers."""
    low = alt.X(start, type="quantitative", title=None, bin="binned", scale=alt.Scale(zero=False))
    tooltip = [_number(name) for name in (start, end, y)]
    _show(rows, alt.Chart().mark_bar().encode(x=low, x2=end, y=alt.Y(y, **_COUNTED), tooltip=tooltip))


def bars(rows: Sequence[Row], name: str, value: str, *, warning: bool = False) -> None:
    """Horizontal bars with their numbers, in the order of the rows."""
    y = alt.Y(name, type="nominal", sort=None, title=None, axis=alt.Axis(labelLimit=220))
    x = alt.X(value, **_COUNTED)
    mark = alt.Chart().mark_bar(color=WARNING_COLOUR) if warning else alt.Chart().mark_bar()
    tooltip = [alt.Tooltip(name, type="nominal"), _number(value)]
    _show(rows, mark.encode(x=x, y=y, tooltip=tooltip), height=max(90, 30 * len(rows) + 40))


def _instant(name: str) -> alt.Tooltip:
    return alt.Tooltip(name, type="temporal", timeUnit=MINUTES, format="%Y-%m-%d %H:%M", title=f"{name}, UTC")


def _number(name: str) -> alt.Tooltip:
    return alt.Tooltip(name, type="quantitative", format=",~r")
