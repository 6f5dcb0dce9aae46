"""Who is asking: an API key stands for a company, and only its hash is known here."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from services.api_gateway.parts import Gateway, GatewayParts
from services.api_gateway.problems import Problem

_BEARER = HTTPBearer(auto_error=False, description="an API key")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="an API key")


def company(
    gateway: GatewayParts,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    header: Annotated[str | None, Depends(_HEADER)],
) -> str:
    """The company of the request's key. Raises Problem 401."""
    key = _key(bearer, header)
    if not key:
        raise _refused("no_key", "an API key is needed: send `Authorization: Bearer KEY` or `X-API-Key: KEY`", "")
    if (found := company_of(gateway, key)) is None:
        raise _refused("wrong_key", "this API key is not known", ', error="invalid_token"')
    return found


def operator(
    company_id: Annotated[str, Depends(company)],
    gateway: GatewayParts,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    header: Annotated[str | None, Depends(_HEADER)],
) -> str:
    """The company of an operator's key: what it may see belongs to all companies. Raises Problem 401 and 403."""
    if _digest(_key(bearer, header) or "") not in gateway.operator_keys:
        detail = "an operator's key is needed: the gateway's `CAUCE_OPERATOR_KEYS` lists them by their SHA-256"
        raise Problem(403, "not_an_operator", detail)
    return company_id


def _key(bearer: HTTPAuthorizationCredentials | None, header: str | None) -> str | None:
    return bearer.credentials if bearer else header


def company_of(gateway: Gateway, key: str) -> str | None:
    """Looked up by hash, so that the time of the look-up tells nothing about the keys there are."""
    return gateway.api_keys.get(_digest(key))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _refused(code: str, detail: str, attributes: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": f'Bearer realm="cauce"{attributes}'})


Company = Annotated[str, Depends(company)]
Operator = Annotated[str, Depends(operator)]
