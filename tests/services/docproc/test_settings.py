"""What docproc's settings mean for its parsers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from services.docproc.pool import ParserPool
from services.docproc.settings import DocprocSettings
from shared.errors import Fatal
from shared.settings import load


def words(file: Path) -> Path:
    """A tokenizer for which each word is a token."""
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(file))
    return file


async def test_tokens_are_those_of_the_model_that_embeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks are cut and counted by the tokenizer that is set, also in parsing processes, and have ids of their own."""
    monkeypatch.setenv("CAUCE_CHUNK_TOKENIZER_FILE", str(words(tmp_path / "tokenizer.json")))
    monkeypatch.setenv("CAUCE_CHUNK_MAX_TOKENS", "16")
    options = load(DocprocSettings).pool_options()
    (document := tmp_path / "long.txt").write_text("incomprehensibilities " * 40)
    async with ParserPool(options) as pool:
        chunks = (await pool.run(document, "text/plain")).chunks
    assert [chunk.token_count for chunk in chunks] == [16, 16, 8]
    monkeypatch.delenv("CAUCE_CHUNK_TOKENIZER_FILE")
    assert load(DocprocSettings).pool_options().chunking.fingerprint != options.chunking.fingerprint


@pytest.mark.parametrize(("content", "said"), [("{}", "no tokenizer"), (None, "CAUCE_CHUNK_TOKENIZER_FILE")])
def test_a_tokenizer_that_is_none_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, said: str
) -> None:
    """Whoever names a file that isn't there, or isn't a tokenizer, is told so before any document is read."""
    file = tmp_path / "tokenizer.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("CAUCE_CHUNK_TOKENIZER_FILE", str(file))
    with pytest.raises(Fatal, match=said):
        load(DocprocSettings)
