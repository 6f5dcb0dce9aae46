"""What the dashboard can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter

from shared.settings import CommonSettings

_HTTP = TypeAdapter(HttpUrl)


def _address(url: str) -> str:
    _HTTP.validate_python(url)
    return url.rstrip("/")


class DashboardSettings(CommonSettings):
    """It talks to the gateway alone: nothing about Kafka or the stores matters here."""

    http_host: str = Field(default="127.0.0.1", description="where the pages and /live, /ready, /metrics listen")
    http_port: int = Field(default=8501, ge=0, le=65535)
    gateway_url: Annotated[str, AfterValidator(_address)] = Field(
        default="http://127.0.0.1:8000", description="of the gateway that the pages are drawn from"
    )
    dashboard_key: SecretStr = Field(
        default=SecretStr(""),
        description="one of the gateway's API keys; whoever may open the dashboard sees what this key's company sees",
    )
    dashboard_refresh_seconds: float = Field(default=2.0, ge=1, le=5, description="between two looks at the gateway")
