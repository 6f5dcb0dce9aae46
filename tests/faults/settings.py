"""What a run can be told."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class FaultSettings(BaseSettings):
    """`seed` is the first random schedule's, `schedules` how many there are, one seed after the other. A server that is
    killed is away for `outage_seconds`, under load all the while: 600 is the full length."""

    model_config = SettingsConfigDict(env_prefix="CAUCE_FAULT_")

    seed: int = 1
    schedules: int = Field(default=50, ge=1)
    outage_seconds: float = Field(default=6.0, gt=0)
