"""`python -m tests.streaming.archive_round ROOT`: archive, a batch done again, reading and the report, on whatever file
system ROOT is on, in a Spark of its own that is configured as the application's. Prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date
from pathlib import Path

from shared.topics import CHUNKS_PROCESSED
from streaming.archive_reader import read
from streaming.report import ReportSettings, batch_session, daily
from tests.streaming.archive_world import NIGHT, Record, World, chunk, offsets, records_of

DAY = date(2026, 1, 21)


def main(root: str) -> None:
    settings = ReportSettings(checkpoint_url=f"{root}/checkpoints", log_format="console")
    with tempfile.TemporaryDirectory() as folder, batch_session(settings) as session:
        world = World(session, Path(folder), f"{root}/archive", settings.checkpoint_url)
        world.put(Record(0, chunk("d", 1), NIGHT), Record(1, chunk("d", 1)), Record(2, chunk("d", 2)))
        world.run()
        # Another form is another archive of the same records, in the same folders.
        world.run("json")
        world.put(Record(3, chunk("d", 2)))
        world.run()
        rows = read(session, world.root, CHUNKS_PROCESSED.name, date(2026, 1, 20), DAY)
        summaries = [list(daily(session, world.root, f"{root}/reports", DAY).lines()) for _ in range(2)]
        report = session.read.parquet(f"{root}/reports/daily_chunks")
        seen = {
            "offsets": offsets(records_of(rows)),
            "folders": sorted({Path(file).parent.name for file in rows.inputFiles()}),
            "summaries": summaries,
            "report": [list(row) for row in report.collect()],
        }
    sys.stdout.write(json.dumps(seen, default=str) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
