"""Answers for pages: asked once for all who look at the same moment, and checked."""

from __future__ import annotations

from typing import Any, TypeVar

import streamlit as st
from pydantic import ValidationError

from services.dashboard.answers import Answer, StreamDeclared, Streams
from services.dashboard.client import Gateway, Trouble
from services.dashboard.settings import DashboardSettings
from shared.settings import load

KEPT_SECONDS = 0.9
"""Less than the shortest refresh, so that each refresh asks anew."""

A = TypeVar("A", bound=Answer)


@st.cache_resource(show_spinner=False)
def settings() -> DashboardSettings:
    return load(DashboardSettings)


@st.cache_resource(show_spinner=False)
def _gateway() -> Gateway:
    return Gateway(settings().gateway_url, settings().dashboard_key.get_secret_value())


@st.cache_data(ttl=KEPT_SECONDS, max_entries=1000, show_spinner=False)
def _get(path: str, query: dict[str, str]) -> Any:
    return _gateway().get(path, query)


@st.cache_resource(show_spinner=False)
def _remembered() -> list[StreamDeclared]:
    """The declarations as last seen, so that a page's address is known also while the gateway is away."""
    return []


def ask(answer: type[A], path: str, **query: str | int) -> A:
    """Raises Trouble."""
    return _understood(answer, path, _get(path, {name: str(value) for name, value in query.items()}))


def tell(answer: type[A], path: str, order: dict[str, Any]) -> A:
    """Has something done; what was answered before is asked anew. Raises Trouble."""
    decoded = _gateway().post(path, order)
    _get.clear()
    return _understood(answer, path, decoded)


def _understood(answer: type[A], path: str, decoded: Any) -> A:
    try:
        return answer.model_validate(decoded)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Trouble(f"the gateway's answer to `{path}` isn't understood: {place}: {first['msg']}") from None


def declared() -> tuple[StreamDeclared, ...]:
    """Raises Trouble."""
    streams = ask(Streams, "/streams").streams
    _remembered()[:] = streams
    return streams


def declared_or_remembered() -> tuple[StreamDeclared, ...]:
    try:
        return declared()
    except Trouble:
        return tuple(_remembered())
