"""What embedding can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import CommonSettings


class EmbeddingSettings(CommonSettings):
    """Times in seconds. The `openai` provider also speaks to every server with the same API, by `OPENAI_BASE_URL`."""

    embedding_provider: Literal["wordllama", "openai"] = "wordllama"
    embedding_model: str = Field(default="text-embedding-3-small", description="for `openai`; wordllama has only one")
    embedding_dimensions: int | None = Field(default=None, ge=1, description="for `openai`; None: the model's own")
    embedding_batch_records: int | None = Field(
        default=None,
        ge=1,
        description="chunks embedded at once; not set: 64 for wordllama, 256 for `openai`",
    )
    embedding_linger_seconds: float = Field(default=0.005, ge=0, description="how long a chunk waits for company")
    embedding_concurrency: int | None = Field(
        default=None, ge=1, description="batches at once; not set: 4 for wordllama, 8 for `openai`"
    )
    embedding_timeout_seconds: float = Field(default=30.0, gt=0, description="for one request to the API")
    embedding_requests_at_once: int = Field(
        default=32, ge=1, description="to the API, at most; fewer while it answers that there are too many"
    )
    embedding_request_inputs: int = Field(default=2_048, ge=1, description="texts that the API takes in a request")
    embedding_request_tokens: int = Field(default=300_000, ge=1, description="tokens that it takes in a request")
    embedding_input_tokens: int = Field(
        default=8_192, ge=1, description="tokens of a text; what may be longer goes in a request of its own"
    )
    embedding_cache_dir: Path | None = Field(
        default=None, description="where vectors are kept for texts that come again; not set: nowhere"
    )
    embedding_cache_bytes: int = Field(
        default=1024**3, ge=1024**2, description="of the cache; then the least recently used go"
    )
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str = Field(default="https://api.openai.com/v1", validation_alias="OPENAI_BASE_URL")

    @model_validator(mode="after")
    def _key_for_openai(self) -> Self:
        if self.embedding_provider == "openai" and self.openai_api_key is None:
            raise ValueError("`CAUCE_EMBEDDING_PROVIDER` is `openai`, which needs a key: set `OPENAI_API_KEY`")
        return self
