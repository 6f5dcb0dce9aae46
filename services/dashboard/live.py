"""Pages that draw themselves again and again, and say what is the matter instead of failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from services.dashboard.asking import declared, settings
from services.dashboard.client import Trouble

NAVIGATION = "navigation"
"""In the session: the names of the streams that the sidebar has."""


def live(draw: Callable[[], None]) -> None:
    """Draws now and every few seconds. One notice stands for the whole page while the gateway is away."""

    def refreshed() -> None:
        with noticed():
            names = [stream.name for stream in declared()]
            if names != st.session_state[NAVIGATION]:
                st.rerun()
            draw()

    st.fragment(refreshed, run_every=settings().dashboard_refresh_seconds)()


@contextmanager
def noticed() -> Iterator[None]:
    """What can't be shown is replaced by the reason."""
    try:
        yield
    except Trouble as trouble:
        st.warning(str(trouble), icon=":material/cloud_off:")


@contextmanager
def panel(title: str, note: str = "") -> Iterator[None]:
    """A framed part of a page, which may fail by itself."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{title}**", help=note or None)
        with noticed():
            yield
