"""What embedding can be told."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import CommonSettings


class EmbeddingSettings(CommonSettings):
    """Times in seconds. The `openai` provider also speaks to every server with the same API, by `OPENAI_BASE_URL`."""

    embedding_provider: Literal["wordllama", "openai"] = "wordllama"
    embedding_model: str = Field(default="text-embedding-3-small", description="for `openai`; wordllama has only one")
    embedding_dimensions: int | None = Field(default=None, ge=1, description="for `openai`; None: the model's own")
    embedding_batch_records: int = Field(default=64, ge=1, description="chunks embedded at once")
    embedding_linger_seconds: float = Field(default=0.005, ge=0, description="how long a chunk waits for company")
    embedding_concurrency: int = Field(default=2, ge=1, description="batches at once")
    embedding_timeout_seconds: float = Field(default=30.0, gt=0, description="for one request to the API")
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str = Field(default="https://api.openai.com/v1", validation_alias="OPENAI_BASE_URL")

    @model_validator(mode="after")
    def _key_for_openai(self) -> Self:
        if self.embedding_provider == "openai" and self.openai_api_key is None:
            raise ValueError("`CAUCE_EMBEDDING_PROVIDER` is `openai`, which needs a key: set `OPENAI_API_KEY`")
        return self
