"""`python -m compose.local.prepare`: fetches what a fleet needs and archives its classes, so that no start has to."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from compose.local.errors import LocalStackError
from compose.local.lifecycle import with_class_archives
from compose.local.machine import require_fit
from compose.local.progress import fetching_for
from compose.local.provision import provision
from compose.local.settings import LocalSettings


def main() -> None:
    console = Console()
    settings = LocalSettings()
    try:
        require_fit()
        with_class_archives(provision(settings, os.environ, fetching_for(console)), settings, console.print)
    except LocalStackError as error:
        sys.exit(f"{error}\n{error.advice}")


if __name__ == "__main__":
    main()
