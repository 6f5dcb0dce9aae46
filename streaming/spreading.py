"""Periods that differ from query to query, so that queries which started together don't work together for ever."""

from __future__ import annotations

import zlib
from datetime import timedelta

from shared.streams.units import milliseconds

SPREAD = 0.2


def spread_milliseconds(query_name: str, longest: timedelta) -> int:
    """`longest` less a part of `SPREAD` of it that is this query's own."""
    share = zlib.crc32(query_name.encode()) / 2**32
    return int(milliseconds(longest) * (1 - SPREAD * share))
