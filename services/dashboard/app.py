"""What Streamlit runs for each session: the sidebar and the page that is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from services.dashboard.answers import StreamDeclared
from services.dashboard.asking import declared_or_remembered
from services.dashboard.live import NAVIGATION, live
from services.dashboard.views import dead_letters, documents, fleet, overview, stream

FAVICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#1f6f9f"/>
<path d="M4 12q6-5 12 0t12 0M4 20q6-5 12 0t12 0" fill="none" stroke="#fff" stroke-width="3"/></svg>"""
"""Drawn here: one of Streamlit's own would be fetched from Google."""


def page(draw: Callable[[], None], title: str, path: str, icon: str, default: bool = False) -> StreamlitPage:
    return st.Page(partial(live, draw), title=title, url_path=path, icon=icon, default=default)


def page_of(one: StreamDeclared) -> StreamlitPage:
    """`sensors.air` is at `/stream.sensors.air`: a stream may have the name of a page."""
    return page(partial(stream.draw, one.name), one.name, f"stream.{one.name}", ":material/stream:")


def main() -> None:
    st.set_page_config(page_title="Cauce", page_icon=FAVICON, layout="wide")
    streams = {one.name: page_of(one) for one in declared_or_remembered()}
    st.session_state[NAVIGATION] = list(streams)
    front = page(partial(overview.draw, streams), "Overview", "overview", ":material/dashboard:", default=True)
    paper = page(documents.draw, "Documents", "documents", ":material/description:")
    parts = page(fleet.draw, "Fleet", "fleet", ":material/dns:")
    letters = page(dead_letters.draw, "Dead letters", "dead-letters", ":material/unsubscribe:")
    st.navigation({"Cauce": [front, paper, parts, letters], "Streams": list(streams.values())}).run()


if __name__ == "__main__":
    main()
