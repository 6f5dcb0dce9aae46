"""Settings that every process shares. The environment is read when a class is asked for its values, never at import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import Fatal


class CommonSettings(BaseSettings):
    """Names are `CAUCE_` plus the field's, unless a field names its own variable."""

    model_config = SettingsConfigDict(env_prefix="CAUCE_", extra="ignore", populate_by_name=True)

    kafka_bootstrap_servers: str = Field(
        default="localhost:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS", description="host:port[,host:port…]"
    )
    replication_factor: int = Field(
        default=3,
        ge=1,
        description="of every topic; 1 where there is one broker, which acknowledges what a power failure may take",
    )
    streams_dir: Path | None = Field(
        default=None, description="the folder of declared streams; where it isn't set, `streams/` beside the code"
    )
    health_host: str = Field(default="127.0.0.1", description="where /live, /ready and /metrics listen")
    health_port: int = Field(default=8081, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    drain_seconds: float = Field(default=20.0, gt=0, description="how long a stop waits for work under way")
    instance: str | None = Field(
        default=None,
        description="a name that this process keeps when it is started anew, such as a StatefulSet's pod: its restart "
        "then moves no partition. No two processes of a service may have the same",
    )
    dead_letter_run: int = Field(
        default=25, ge=0, description="dead letters of a partition in a row, before reading stops; 0 is no limit"
    )
    dead_letter_share: float = Field(
        default=0.5, ge=0, le=1, description="of a partition's last 200 records, before reading stops; 0 is no limit"
    )
    stop_on_failure: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="topics, separated by commas, whose first record that can't succeed stops their reader instead of "
        "becoming a dead letter",
    )

    @field_validator("stop_on_failure", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """Raises Fatal that names each variable with a bad value, without the value, which may be a secret."""
    try:
        return settings()
    except ValidationError as error:
        lines = [f"  {_place(settings, e['loc'])}{e['msg']}" for e in error.errors(include_input=False)]
        raise Fatal("settings: the environment has values that can't be used:\n" + "\n".join(lines)) from None


def _place(settings: type[BaseSettings], location: tuple[int | str, ...]) -> str:
    """Empty where several variables contradict each other: then the message names them."""
    return f"{variable(settings, str(location[0]))}: " if location else ""


def variable(settings: type[BaseSettings], field: str) -> str:
    """The name of the environment variable that a field is read from."""
    info = settings.model_fields.get(field)
    if info is None or info.validation_alias is not None:
        return str(info.validation_alias) if info else field
    return f"{settings.model_config.get('env_prefix', '')}{field}".upper()
