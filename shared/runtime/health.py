"""Liveness, readiness and metrics, the same for every process.

Live: its loops moved lately; a process that isn't should be restarted. Ready: partitions are assigned and every
dependency answers; one that isn't should be waited for. A warning is told beside that, and changes neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.contracts.fleet import LedgerLine
from shared.errors import CauceError, Lasting
from shared.kafka.loop import ConsumeLoop
from shared.runtime import metrics

CHECK_DEADLINE = 2.0

Check = Callable[[], Awaitable[None]]
Fact = Callable[[], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a process did since its start."""

    records_in: int
    records_out: int
    retries: int
    dead_letters: int


class Problem(NamedTuple):
    """Why a process isn't ready; `lasting` where neither waiting nor a restart ends it, so that a person must act."""

    text: str
    lasting: bool = False


@dataclass(slots=True)
class Health:
    """What a process knows of itself. `checks` raise a CauceError when their dependency doesn't answer; `facts` are
    what `/ready` shows besides, ready or not: they are known already, and nobody is asked."""

    service: str
    loops: Sequence[ConsumeLoop] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    started: bool = False
    warners: Sequence[Callable[[], Mapping[str, str]]] = ()
    """Each says, by name, what is wrong while the process does its other work, and stays ready."""

    def live(self) -> dict[str, str]:
        """Problems by name; none when alive."""
        if not self.started:
            return {}
        return {loop.group: problem for loop in self.loops if (problem := loop.stuck())}

    def counts(self) -> Counts:
        """By what is on `/metrics`."""
        return Counts(
            records_in=metrics.total(metrics.RECORDS_IN),
            records_out=metrics.total(metrics.RECORDS_OUT),
            retries=metrics.total(metrics.RETRIES),
            dead_letters=metrics.total(metrics.DEAD_LETTERS),
        )

    def ledger(self) -> list[LedgerLine]:
        """What became of every record that was read, by consumer group and topic."""
        return [line for loop in self.loops for line in loop.ledger()]

    def warnings(self) -> dict[str, str]:
        """What a person should look at, by name. It keeps nobody from using the process."""
        return {name: sentence for warner in self.warners for name, sentence in warner().items()}

    async def ready(self) -> dict[str, str]:
        """Problems by name; none when ready."""
        return {name: problem.text for name, problem in (await self.examine()).items()}

    async def examine(self) -> dict[str, Problem]:
        """As `ready`, and which of them last."""
        problems = {} if self.started else {"start": Problem("not started yet")}
        for loop in self.loops:
            if problem := loop.problem():
                problems[loop.group] = Problem(problem, lasting=loop.needs_a_person)
        answers = await asyncio.gather(*(_ask(check) for check in self.checks.values()))
        problems |= {name: answer for name, answer in zip(self.checks, answers, strict=True) if answer}
        metrics.READY.labels(self.service).set(not problems)
        return problems


async def _ask(check: Check) -> Problem | None:
    try:
        async with asyncio.timeout(CHECK_DEADLINE):
            await check()
    except CauceError as error:
        return Problem(str(error), lasting=isinstance(error, Lasting))
    except TimeoutError:
        return Problem(f"no answer within {CHECK_DEADLINE:g} s")
    return None


def routes(health: Health) -> list[Route]:
    """`/live`, `/ready`, `/metrics`."""

    async def live(_: Request) -> Response:
        return _verdict({name: Problem(text) for name, text in health.live().items()})

    async def ready(_: Request) -> Response:
        facts = {name: fact() for name, fact in health.facts.items()}
        return _verdict(await health.examine(), warnings=health.warnings(), **facts)

    async def metrics_page(_: Request) -> Response:
        health.ledger()  # whose imbalance is a metric
        metrics.TASKS.set(len(asyncio.all_tasks()))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", metrics_page)]


def _verdict(problems: Mapping[str, Problem], **more: Mapping[str, object]) -> Response:
    body: dict[str, object] = {
        "ok": not problems,
        "problems": {name: problem.text for name, problem in problems.items()},
        **more,
    }
    if lasting := [name for name, problem in problems.items() if problem.lasting]:
        body["lasting"] = lasting
    return JSONResponse(body, 503 if problems else 200)


def health_app(health: Health) -> Starlette:
    return Starlette(routes=list(routes(health)))
