"""How the headers of an email are read: all as text, and not for longer than people write them.

The standard library parses addresses and parameters by a grammar, in time that grows with the square of a header's
length and worse: 20 kB of quotation marks take minutes.
"""

from __future__ import annotations

from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, cast

_LONGEST = 32 * 1024
"""Characters of one header that are looked at."""


class _MailPolicy(EmailPolicy):
    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The header's text with its encoded words decoded, whatever the header is."""
        return super().header_fetch_parse(name, value[:_LONGEST])


MAIL_POLICY = cast("EmailPolicy[EmailMessage]", _MailPolicy(header_factory=HeaderRegistry(use_default_map=False)))
