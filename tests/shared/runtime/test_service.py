"""How a process starts and ends, seen from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.waiting import until

SCRIPT = "tests.shared.runtime.small_service"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(behaviour: str, port: int, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {**os.environ, "CAUCE_HEALTH_PORT": str(port), **variables}
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", SCRIPT, behaviour),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.communicate()


async def ready(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/ready")).status_code == 200
        except httpx.TransportError:
            return False


async def test_waits_for_dependencies_then_drains_on_sigterm() -> None:
    """A dependency that comes later is waited for; SIGTERM takes everything apart and ends with 0."""
    port = free_port()
    async with process("stays", port) as program:
        await until(lambda: ready(port))
        program.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(program.communicate(), 15)
        assert program.returncode == 0, errors
        assert b"waiting for a dependency" in output
        assert b"taken apart" in output


async def test_a_fatal_error_ends_the_process_with_its_reason() -> None:
    """What the process can't go on with is said in one line, without a traceback, and the exit code is 1."""
    async with process("fatal", free_port()) as program:
        _, errors = await asyncio.wait_for(program.communicate(), 15)
        assert program.returncode == 1
        assert errors.decode().strip() == "small: a declaration contradicts the broker"


async def test_a_job_can_not_vanish() -> None:
    """A job that a library cancelled from within ends the process, so that it is started again."""
    async with process("vanishes", free_port()) as program:
        _, errors = await asyncio.wait_for(program.communicate(), 15)
        assert program.returncode == 1
        assert b"cancelled from within" in errors


async def test_a_taken_port_is_named() -> None:
    """A process that can't be asked for its health does not run on unseen."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        async with process("stays", port) as program:
            _, errors = await asyncio.wait_for(program.communicate(), 15)
            assert program.returncode == 1
            assert f"127.0.0.1:{port} can't be listened on".encode() in errors


async def test_bad_settings_are_explained() -> None:
    """A wrong variable ends the process at once, by name."""
    async with process("stays", free_port(), CAUCE_DRAIN_SECONDS="soon") as program:
        _, errors = await asyncio.wait_for(program.communicate(), 15)
        assert program.returncode == 1
        assert b"CAUCE_DRAIN_SECONDS" in errors
        assert b"Traceback" not in errors
