"""Counts tokens as the embedding model does, several times as fast as by tokenizing each candidate for a chunk."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer

LONGEST_TOKEN = 32
"""Characters. What has more than so many for each token that is allowed is taken to be too long without counting."""
_SPACE_AFTER_WORD = re.compile("(?<=[^ ]) ")
_SPACE_MARK = "▁"
_CACHED_WORDS = 100_000
_CACHED_CHARS = 64


@cache
def embedding_tokenizer() -> Path:
    """The tokenizer of the model that embeds by default, which its package carries."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("`wordllama` isn't installed, and the chunker counts tokens with its tokenizer")
    return Path(spec.origin).parent / "tokenizers" / "l2_supercat_tokenizer_config.json"


class TokenCounter:
    """Called with a text it gives its number of tokens, without those that mark its beginning and end.

    A splitter asks for the same words again and again, in ever larger pieces. Where no token of the vocabulary reaches
    across a space between words, a text has as many tokens as its words together, and words are worth remembering.
    """

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        vocabulary = self._tokenizer.get_vocab()
        self._by_words = _words_stand_alone(vocabulary)
        self._longest = max(map(len, vocabulary))
        self._remembered = lru_cache(_CACHED_WORDS)(self._word)

    def __call__(self, text: str) -> int:
        if not self._by_words:
            return self._tokens(text)
        words = _SPACE_AFTER_WORD.split(text)
        if len(max(words, key=len)) <= _CACHED_CHARS:
            return sum(map(self._remembered, words))
        return sum(self._remembered(word) if len(word) <= _CACHED_CHARS else self._tokens(word) for word in words)

    def up_to(self, most: int) -> Callable[[str], int]:
        """Counts only as far as it takes to know that a text has more than so many: it may be a line of megabytes."""
        reach = self._longest * (most + 1)
        return lambda text: self(text[:reach])

    def _word(self, word: str) -> int:
        return self._tokens(word) if word else 1  # the space at a text's end

    def _tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def _words_stand_alone(vocabulary: dict[str, int]) -> bool:
    return _SPACE_MARK in vocabulary and not any(_SPACE_MARK in token.lstrip(_SPACE_MARK) for token in vocabulary)
