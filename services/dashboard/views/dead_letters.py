"""The dead letters: what was given up and why, and putting it back or saying that it is not worth it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from services.dashboard.answers import Kind, Kinds, Letter, Letters, Outcome, WholeLetter
from services.dashboard.asking import ask, tell
from services.dashboard.client import Trouble
from services.dashboard.live import panel
from services.dashboard.views import tiles

SHOWN = 200
AT_ONCE = 1000
STATES = ("open", "unfinished", "redriven", "discarded")
ALL = "all"
_CLOCK = "YYYY-MM-DD HH:mm:ss"
_SAID = "said of dead letters"


def draw() -> None:
    """Raises Trouble where the key isn't an operator's."""
    kinds = ask(Kinds, "/dead-letters/stats").kinds
    st.title("Dead letters")
    for column, state in zip(st.columns(len(STATES)), STATES, strict=True):
        count = sum(getattr(kind, state) for kind in kinds)
        column.metric(state.capitalize(), tiles.number(count), border=True)
    with panel("By topic, code and service"):
        _table([kind.model_dump() for kind in kinds], "oldest")
    _what_was_done()
    with panel("Which", "Those that are listed here can be redriven or discarded together"):
        chosen = _filter(kinds)
        found = ask(Letters, "/dead-letters", limit=SHOWN, **chosen)
        _listed(found, chosen)
    if found.dead_letters:
        with panel("One of them"):
            _one(found.dead_letters)


def _filter(kinds: Iterable[Kind]) -> dict[str, str]:
    """What the gateway is asked for."""
    chosen: dict[str, str] = {}
    for column, name in zip(st.columns(4), ("state", "topic", "code", "service"), strict=True):
        options = STATES if name == "state" else (ALL, *sorted({getattr(kind, name) for kind in kinds}))
        picked = column.selectbox(name.capitalize(), options, key=f"dead letters by {name}")
        chosen |= {name: picked} if picked != ALL else {}
    return chosen


def _listed(found: Letters, chosen: dict[str, str]) -> None:
    rows = [letter.model_dump(exclude={"topic"}) for letter in found.dead_letters]
    _table(rows, "failed_at")
    if found.total > len(rows):
        st.caption(f"{found.total} in all: these are the newest")
    if rows and chosen["state"] in {"open", "unfinished"}:
        which = {name: value for name, value in chosen.items() if name != "state"}
        _actions("all", f"{found.total} dead letters", {"filter": which, "limit": AT_ONCE})


def _one(letters: tuple[Letter, ...]) -> None:
    name = st.selectbox("Dead letter", [letter.identity for letter in letters], key="dead letter")
    letter = ask(WholeLetter, f"/dead-letters/{name}")
    st.markdown(
        f"`{letter.code}` in {letter.service}, {letter.failures} failures, the last at {letter.failed_at:%F %T} UTC"
    )
    st.code(letter.message, language=None, wrap_lines=True)
    if letter.status_path:
        st.caption(f"its document: `{letter.status_path}` at the gateway")
    if letter.action:
        st.caption(
            f"{letter.action['action']} by {letter.action['by']} at {letter.action['at']}: {letter.action['why']}"
        )
    with st.expander("Value and headers"):
        if letter.value_text is None:
            st.json(letter.value)
        else:
            st.code(letter.value_text, language=None, wrap_lines=True)
        st.json(letter.headers)
    if letter.state in {"open", "unfinished"}:
        _actions("one", "this dead letter", {"identities": [letter.identity]})


def _actions(key: str, what: str, order: dict[str, Any]) -> None:
    """Two buttons that ask before they do it."""
    left, right = st.columns(2)
    with left.popover(f"Redrive {what}…"):
        st.markdown(
            f"Puts {what} back to where they failed, as they were. Events that were late or from the future stay."
        )
        why = st.text_input("Unless: why their time shall be accepted all the same", key=f"accept time {key}").strip()
        told = order | ({"accept_time": True, "reason": why} if why else {})
        st.button("Yes, redrive", key=f"redrive {key}", type="primary", on_click=_act, args=("redrive", told))
    with right.popover(f"Discard {what}…"):
        reason = st.text_input("Why nothing shall be done about it", key=f"reason {key}")
        told = order | {"reason": reason}
        st.button("Yes, discard", key=f"discard {key}", disabled=not reason, on_click=_act, args=("discard", told))


def _act(verb: str, order: dict[str, Any]) -> None:
    try:
        st.session_state[_SAID] = _told(tell(Outcome, f"/dead-letters/{verb}", order))
    except Trouble as trouble:
        st.session_state[_SAID] = str(trouble)


def _told(outcome: Outcome) -> str:
    counted = {"redriven": outcome.redriven, "found redriven": outcome.found, "discarded": outcome.discarded}
    done = ", ".join(f"{len(some)} {what}" for what, some in counted.items() if some)
    left = "".join(f"  \nleft `{one.identity}`: {one.why}" for one in outcome.left[:20])
    advice = "".join(f"  \n{sentence}" for sentence in outcome.advice)
    return (done or "nothing was done") + left + advice


def _what_was_done() -> None:
    if said := st.session_state.get(_SAID):
        st.info(said, icon=":material/done:")


def _table(rows: list[dict[str, Any]], time: str) -> None:
    if not rows:
        st.caption("none")
        return
    config = {time: st.column_config.DatetimeColumn(f"{time.replace('_', ' ')}, UTC", format=_CLOCK)}
    st.dataframe(rows, hide_index=True, column_config=config)
