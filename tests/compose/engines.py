"""The container engine of this machine, and a Compose project on it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shutil import which

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.compose.files import FOLDER

BUILD_SECONDS = 1500
COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Engine:
    """`containers` is its command, `compose` that of its Compose, `build` what a build needs besides."""

    containers: tuple[str, ...]
    compose: tuple[str, ...]
    build: tuple[str, ...] = ()

    @property
    def podman(self) -> bool:
        return self.containers == ("podman",)


def find_engine() -> Engine | None:
    """Podman with podman-compose, else Docker with its Compose, else None; each has to answer."""
    if which("podman") and importlib.util.find_spec("podman_compose") and _answers("podman", "info"):
        # The build's pip reaches what this machine reaches.
        build = ("--podman-build-args=--network=host",)
        return Engine(("podman",), (sys.executable, "-m", "podman_compose"), build)
    if which("docker") and _answers("docker", "info") and _answers("docker", "compose", "version"):
        return Engine(("docker",), ("docker", "compose"))
    return None


def _answers(*command: str) -> bool:
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return done.returncode == 0


@dataclass(frozen=True)
class Project:
    """One fleet in containers; `files` are names in compose/, `variables` what they ask for."""

    engine: Engine
    name: str
    files: Sequence[str]
    variables: Mapping[str, str]

    def compose(self, *arguments: str, options: Sequence[str] = (), seconds: float = COMMAND_SECONDS) -> str:
        files = [part for file in self.files for part in ("--file", str(FOLDER / file))]
        return self._run(
            *self.engine.compose, *options, "--project-name", self.name, *files, *arguments, seconds=seconds
        )

    def containers(self, *arguments: str) -> str:
        return self._run(*self.engine.containers, *arguments)

    def _run(self, *command: str, seconds: float = COMMAND_SECONDS) -> str:
        environment = {**os.environ, **self.variables}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False, cwd=FOLDER
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def build(self, *services: str) -> None:
        self.compose("build", *services, options=self.engine.build, seconds=BUILD_SECONDS)

    def up(self, *services: str) -> None:
        """Starts these alone: whoever else is needed has to be up."""
        self.compose("up", "--detach", "--no-build", "--no-deps", *services)

    def scale(self, service: str, copies: int) -> None:
        """One service at a time: of several `--scale`, podman-compose heeds the last."""
        self.compose("up", "--detach", "--no-build", "--no-deps", "--scale", f"{service}={copies}", service)

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans")

    def members(self, service: str) -> list[str]:
        """The ids of a service's containers, stopped ones too."""
        labels = [("project", self.name), ("service", service)]
        filters = [f"--filter=label=com.docker.compose.{label}={value}" for label, value in labels]
        return self.containers("ps", "--all", "--quiet", *filters).split()

    def leftovers(self) -> list[str]:
        """The project's containers and volumes."""
        label = f"--filter=label=com.docker.compose.project={self.name}"
        return [
            *self.containers("ps", "--all", "--quiet", label).split(),
            *self.containers("volume", "ls", "--quiet", label).split(),
        ]

    def wait_healthy(self, *services: str, seconds: float) -> None:
        """Raises AssertionError with the last check's output and the logs of the first container that isn't in time."""
        for container in [member for service in services for member in self.members(service)]:
            _patiently(seconds)(self._check, container)

    def _check(self, container: str) -> None:
        if self.engine.podman:
            # Its timers are systemd's, which a container or a small machine lacks: run the very check by hand.
            command = [*self.engine.containers, "healthcheck", "run", container]
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
            healthy, said = done.returncode == 0, done.stdout + done.stderr
        else:
            said = self.containers("inspect", "--format={{json .State.Health}}", container)
            healthy = '"Status":"healthy"' in said
        assert healthy, f"{container} is not healthy: {said[-1000:]}\n{self.logs(container)}"

    def wait_done(self, service: str, seconds: float) -> None:
        """Raises AssertionError unless the service's container ends, with exit code 0, in time."""
        _patiently(seconds)(self._done, *self.members(service))

    def _done(self, container: str) -> None:
        state = self.containers("inspect", "--format={{.State.Status}} {{.State.ExitCode}}", container).strip()
        assert state == "exited 0", f"{container}: {state}\n{self.logs(container)}"

    def logs(self, container: str) -> str:
        command = [*self.engine.containers, "logs", "--tail=40", container]
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
        ).stdout


def _patiently(seconds: float) -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(AssertionError),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(1),
        reraise=True,
    )
