"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Scale = Annotated[
    list[str] | None,
    typer.Option(metavar="SERVICE=N", help="Processes of a service, e.g. docproc=2; may be given several times."),
]
Port = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PORT", help="A fixed port for gateway, kafka, mariadb or mongodb; may be given several times."
    ),
]
Url = Annotated[
    str | None, typer.Option(envvar="CAUCE_URL", help="Of the gateway; by default the fleet of this folder.")
]
Key = Annotated[
    str | None, typer.Option(envvar="CAUCE_API_KEY", help="API key; by default the one of this folder's fleet.")
]
