"""`make bench-start`: what `cauce up` spends its time on, until an event, sent as soon as it is taken, is in its window
in MySQL.

Each round has a state folder of its own: the first start in it is *cold* (storage formatted, tables and topics made),
the second *warm* (all of that is there). What is fetched, and made of what was fetched, is in the cache already;
`--cache` says what it takes to make that. All times are seconds since the command was typed, or of processor.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import pymysql
from rich.console import Console

from benchmarks.console import say
from benchmarks.fleets import scratch
from compose.local.class_archives import class_archives
from compose.local.outcome import connect_mysql
from compose.local.progress import PlainFetching
from compose.local.provision import provision
from compose.local.settings import LocalSettings
from compose.local.state import FleetState, ProcessState, load_state

ROOT = Path(__file__).resolve().parents[1]
LONGEST_S = 300.0
LOOK_EVERY_S = 0.2
READY = re.compile(r"^(?P<name>[a-z_]+): ready in ")
APPLIED = re.compile(r"^(?P<name>topics|tables): applied")
FETCHING = re.compile(r"^(fetching|archiving) ")
FIRST_ROW = "first window row"
ALL_ROWS = "rows of every stream"
UP = "`cauce up` says it is up"


@dataclass(frozen=True)
class Event:
    """One event, and where its window is seen: `where` names this run's own group."""

    stream: str
    fields: Mapping[str, object]
    table: str
    where: str


def events(mark: int, now_ms: int) -> list[Event]:
    """One for each shipped stream of events, in groups that no other run of the same state folder has."""
    sensor = {"sensor_id": f"bench-{mark}", "timestamp": now_ms, "value": 1.0}
    rating = {"userId": 1, "movieId": mark, "rating": 4.0, "timestamp": now_ms}
    view = {"event_id": f"{mark}", "character": f"bench-{mark}", "season": 1, "episode": 1, "timestamp": now_ms}
    return [
        Event("ratings", rating, "movie_metrics_1m", f"movieId = {mark}"),
        Event("sensors.sound", sensor, "sound_metrics_1m", f"sensor_id = 'bench-{mark}'"),
        Event("sensors.air", sensor, "air_metrics_1m", f"sensor_id = 'bench-{mark}'"),
        Event("character.views", view, "character_views_1m", f"saga_characters = 'bench-{mark}'"),
    ]


@dataclass
class Timeline:
    """When what happened first, in seconds since `begun`; what the processes had taken of the processor at the end."""

    begun: float = field(default_factory=time.monotonic)
    moments: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    def note(self, name: str) -> None:
        self.moments.setdefault(name, time.monotonic() - self.begun)

    def __str__(self) -> str:
        processor = sum(self.processor.values())
        first, up = self.moments[FIRST_ROW], self.moments[UP]
        load = os.getloadavg()[0]
        return f"first row after {first:.1f} s, up after {up:.1f} s, processor {processor:.0f} s; load {load:.1f}"


class Start:
    """One `cauce up`, watched from outside: what it says, what Spark's `/ready` says, what is in MySQL."""

    def __init__(self, state_dir: Path, mark: int) -> None:
        self._state_dir = state_dir
        self._mark = mark
        self.timeline = Timeline()
        self._sent: list[Event] = []
        self._open: list[Event] = []
        self._mysql: pymysql.Connection[Any] | None = None

    def run(self) -> Timeline:
        """Starts the fleet, waits until every row is there, stops it. Raises RuntimeError where that doesn't come."""
        with self._fleet() as process:
            said = threading.Thread(target=self._listen, args=(process,))
            said.start()
            try:
                self._wait(process)
                self._note_processor()
            finally:
                begun = time.monotonic()
                process.send_signal(signal.SIGTERM)
                process.wait(120)
                self.timeline.moments["stop"] = time.monotonic() - begun
                said.join()
        return self.timeline

    @contextmanager
    def _fleet(self) -> Iterator[subprocess.Popen[str]]:
        environment = os.environ | {"CAUCE_STATE_DIR": str(self._state_dir), "PYTHONUNBUFFERED": "1"}
        self.timeline = Timeline()
        with subprocess.Popen(
            [sys.executable, "-m", "cauce", "up"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            yield process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if found := READY.match(line) or APPLIED.match(line):
                self.timeline.note(found["name"])
            elif FETCHING.match(line):
                self.timeline.note(line.strip())
            elif line.startswith("Ctrl-C stops"):
                self.timeline.note(UP)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        steps: Sequence[Callable[[FleetState], None]] = (
            self._look_at_java,
            self._look_at_queries,
            self._send,
            self._read,
        )
        while not {UP, ALL_ROWS} <= set(self.timeline.moments):
            if process.poll() is not None or time.monotonic() - self.timeline.begun > LONGEST_S:
                raise RuntimeError(f"the fleet did not start: see {self._state_dir / 'logs'}")
            state = load_state(self._state_dir / "state.json")
            if state is not None and state.supervisor.pid == process.pid:
                for step in steps:
                    step(state)
            time.sleep(LOOK_EVERY_S)

    def _look_at_java(self, state: FleetState) -> None:
        streaming = _process(state, "streaming")
        if "Spark's JVM begins" not in self.timeline.moments and streaming and streaming.identity:
            with suppress(psutil.NoSuchProcess):
                if psutil.Process(streaming.identity.pid).children():
                    self.timeline.note("Spark's JVM begins")

    def _look_at_queries(self, state: FleetState) -> None:
        streaming = _process(state, "streaming")
        problems = _problems(streaming.port) if streaming and streaming.identity else None
        if problems is None or "start" in problems:
            return
        if "Spark's session" not in self.timeline.moments:
            self._names = set(problems)
        self.timeline.note("Spark's session")
        for name in self._names - set(problems):
            self.timeline.note(f"query {name}")

    def _send(self, state: FleetState) -> None:
        gateway = _process(state, "api_gateway")
        if self._sent or not gateway or not gateway.identity:
            return
        key = (self._state_dir / "api_key").read_text().strip()
        wanted = events(self._mark, int(time.time() * 1000))
        with suppress(httpx.TransportError):
            for event in wanted:
                url = f"{state.endpoints.gateway_url}/events/{event.stream}"
                answer = httpx.post(url, json=event.fields, headers={"Authorization": f"Bearer {key}"}, trust_env=False)
                if answer.is_success:
                    self._sent.append(event)
            if len(self._sent) == len(wanted):
                self.timeline.note("events taken")
            self._open = list(self._sent)

    def _read(self, state: FleetState) -> None:
        if not self._sent:
            return
        if self._mysql is None:
            self._mysql = connect_mysql(state.endpoints.mysql_url)
            self._mysql.autocommit(True)
        seen = [event for event in self._open if _is_there(self._mysql, event)]
        if seen:
            self.timeline.note(FIRST_ROW)
        self._open = [event for event in self._open if event not in seen]
        if not self._open:
            self.timeline.note(ALL_ROWS)

    def _note_processor(self) -> None:
        state = load_state(self._state_dir / "state.json")
        assert state is not None
        for process in state.processes:
            if process.identity:
                self.timeline.processor[process.name] = _seconds(psutil.Process(process.identity.pid))
        supervisor = psutil.Process(state.supervisor.pid).cpu_times()
        # What it has waited for: formatting, the tables' installer, topics and tables.
        self.timeline.processor["one-shots"] = supervisor.children_user + supervisor.children_system
        self.timeline.processor["supervisor"] = supervisor.user + supervisor.system


def _process(state: FleetState, name: str) -> ProcessState | None:
    return next((process for process in state.processes if process.name == name), None)


def _problems(port: int | None) -> dict[str, str] | None:
    """What `/ready` complains about; None where nobody answers."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/ready", timeout=5, trust_env=False)
        return dict(answer.json()["problems"])
    except (httpx.TransportError, ValueError, KeyError):
        return None


def _is_there(connection: pymysql.Connection[Any], event: Event) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM `{event.table}` WHERE {event.where}")
        return bool(cursor.fetchone()[0])


def _seconds(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(one.cpu_times()[:2]) for one in family))


def demo(state_dir: Path) -> float:
    """Seconds that `cauce demo --once` takes, from typing it to its exit."""
    begun = time.monotonic()
    environment = os.environ | {"CAUCE_STATE_DIR": str(state_dir)}
    command = [sys.executable, "-m", "cauce", "demo", "--once"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the demo failed:\n{done.stdout[-2000:]}")
    return time.monotonic() - begun


def archiving() -> float:
    """Seconds that making the archives of classes takes, of what is fetched, in a cache of their own."""
    tools = provision(LocalSettings(), os.environ, PlainFetching(Console()))
    with scratch() as folder:
        begun = time.monotonic()
        settings = LocalSettings(cache_dir=folder)
        archives = class_archives(tools.java, tools.kafka_jars, tools.spark_jars, settings, say)
        if not (archives.kafka.exists() and archives.spark.exists()):
            raise RuntimeError((archives.spark.parent / "why").read_text())
        return time.monotonic() - begun


def show(title: str, timelines: Sequence[Timeline]) -> None:
    say(f"\n{title}, {len(timelines)} starts: seconds since `cauce up`, median (least to most)")
    _table([timeline.moments for timeline in timelines])
    say("  processor, in seconds, by then:")
    _table([timeline.processor | {"together": sum(timeline.processor.values())} for timeline in timelines], "    ")


def _table(rows: Sequence[Mapping[str, float]], margin: str = "  ") -> None:
    names = {name for row in rows for name in row}
    values = {name: [row[name] for row in rows if name in row] for name in names}
    for name, found in sorted(values.items(), key=lambda item: (item[0] == "stop", median(item[1]))):
        say(f"{margin}{name:<46} {median(found):5.1f}  ({min(found):.1f} to {max(found):.1f})")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3, help="a cold and a warm start each")
    options.add_argument("--no-demo", action="store_true", help="without `cauce demo --once`")
    options.add_argument("--cache", action="store_true", help="only what a cold cache adds, apart from fetching")
    chosen = options.parse_args()
    if chosen.cache:
        say(f"archives of Kafka's and Spark's classes: made in {archiving():.1f} s")
        return
    found: dict[str, list[Timeline]] = {"cold (an empty state folder)": [], "warm (a folder that was used)": []}
    demos: list[float] = []
    for number in range(chosen.rounds):
        with scratch() as folder:
            for mark, (title, timelines) in enumerate(found.items(), start=2 * number + 1):
                timelines.append(Start(folder / "fleet", mark).run())
                say(f"round {number + 1} of {chosen.rounds}, {title}: {timelines[-1]}")
            if not chosen.no_demo:
                demos.append(demo(folder / "fleet"))
                say(f"  demo --once, in the same folder: {demos[-1]:.1f} s")
    for title, timelines in found.items():
        show(title, timelines)
    if demos:
        say(f"\n`make demo ONCE=1`, warm: {median(demos):.1f} s ({min(demos):.1f} to {max(demos):.1f})")


if __name__ == "__main__":
    main()
