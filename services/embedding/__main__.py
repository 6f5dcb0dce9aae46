"""`python -m services.embedding`: from `chunks.processed` to `embeddings.ready`."""

from __future__ import annotations

from services.embedding.bootstrap import build
from services.embedding.settings import EmbeddingSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main("embedding", EmbeddingSettings, build)
