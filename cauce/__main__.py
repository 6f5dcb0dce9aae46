"""`cauce`: the operator's command."""

from __future__ import annotations

import logging
import sys

import typer

from cauce import (
    delete,
    demo,
    dlq,
    doctor,
    down,
    generate,
    ledger,
    logs,
    report,
    status,
    streams,
    tail,
    topics,
    up,
    upload,
    verify,
)
from cauce.console import complain
from compose.local.errors import LocalStackError
from shared.errors import CauceError

HELP = """
Turn documents and event streams into query-ready tables, collections and vectors, through Kafka.

\b
See it work                 cauce demo
Keep a fleet running        cauce up --scale docproc=2
Put documents in            cauce upload report.pdf notes.md
Take them out               cauce delete --name handbook
Put events in               cauce generate ratings --rate 100
See what a topic holds      cauce tail ratings --last 5
Check what came out         cauce verify
Look at it                  cauce status
When something is wrong     cauce doctor
What was given up           cauce dlq list
Stop, and forget the data   cauce down --wipe

A fleet's ports, data, keys and logs are in the folder `.cauce` (CAUCE_STATE_DIR). What is fetched for it is in
your cache directory (CAUCE_CACHE_DIR) and serves every fleet.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command(short_help="Start the fleet.")(up.up)
app.command(short_help="Stop the fleet.")(down.down)
app.command(short_help="Show processes, health, restarts, lag.")(status.status)
app.command(short_help="Show what a process has written.")(logs.logs)
app.command(short_help="Find out what is wrong, and what to do.")(doctor.doctor)
app.command(short_help="Send documents and watch them on their way.")(upload.upload)
app.command(short_help="Delete documents, with a receipt.")(delete.delete)
app.command(short_help="See the whole of it work.")(demo.demo)
app.command(short_help="Send made-up events to a declared stream.")(generate.generate)
app.command(short_help="Print a topic's records, count them, show a field's distribution.")(tail.tail)
app.command(short_help="Compute everything anew and compare it with the stores.")(verify.verify)
app.command(short_help="Show what became of every record read: lines that must balance.")(ledger.ledger)
app.add_typer(dlq.app, name="dlq")
app.add_typer(report.app, name="report")
app.add_typer(streams.app, name="streams")
app.add_typer(topics.app, name="topics")


def main() -> None:
    """Run the command; an error that we know ends with exit code 1 and says what to do."""
    # Probes ask servers that aren't up yet; what that means is said by us.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        app()
    except LocalStackError as error:
        complain(str(error), error.advice)
        sys.exit(1)
    except CauceError as error:
        complain(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
