"""The gateway as the dashboard sees it: JSON by path, within a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from shared.errors import CauceError

DEADLINE_SECONDS = 3.0
WORK_SECONDS = 60.0
"""For what somebody has asked for by a click."""


class Trouble(CauceError):
    """There is no answer to show; the message says why, for the person who looks at the page."""


class Gateway:
    """One for the process; may be used from several threads."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=DEADLINE_SECONDS, trust_env=False)

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The decoded answer. Raises Trouble."""
        return self._asked("GET", path, params=dict(query))

    def post(self, path: str, order: Mapping[str, Any]) -> Any:
        """The decoded answer. Raises Trouble."""
        return self._asked("POST", path, json=dict(order), timeout=WORK_SECONDS)

    def _asked(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise Trouble(f"the gateway doesn't answer at {self.url}: {why}, trying again") from None
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Trouble("the gateway doesn't know this dashboard's key: set `CAUCE_DASHBOARD_KEY` to one of its keys")
        if not answer.is_success:
            raise Trouble(f"the gateway answers `{path}` with {answer.status_code}: {_detail(answer)}")
        return _json(answer)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise Trouble(f"what answers at {answer.url} isn't a gateway: set `CAUCE_GATEWAY_URL`") from None


def _detail(answer: httpx.Response) -> str:
    """Of problem details, else the status in words: something between us and the gateway may have answered."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase.lower()
