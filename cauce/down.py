"""`cauce down`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cauce.console import say
from compose.local.lifecycle import take_down, wipe
from compose.local.settings import LocalSettings


def down(
    wipe_data: Annotated[
        bool, typer.Option("--wipe", help="Also remove the state folder: all data, logs, ports and the API key.")
    ] = False,
) -> None:
    """Stop the fleet of this folder: services drain first, then the servers close.

    \b
    cauce down
    cauce down --wipe
    """
    settings = LocalSettings()
    begun = time.monotonic()
    took_down = take_down(settings, say)
    say(f"stopped in {time.monotonic() - begun:.1f} s" if took_down else "no fleet was running")
    if wipe_data:
        wipe(settings)
        say(f"removed: {settings.layout.root}")
