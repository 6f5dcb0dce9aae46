"""`make test-mutants`: removes each safeguard in turn, in a copy of the tree, and sees that a test fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.fleets import running, scratch
from tests.conftest import RUNNING
from tests.mutants.safeguards import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
OURS = ("benchmarks", "cauce", "compose", "docs", "services", "shared", "streaming", "streams", "tests")
NO_SERVICES = [f"--scale={name}=0" for name in ("api_gateway", "ingest", "docproc", "embedding", "db_writer")]
SERVERS_ONLY = (*NO_SERVICES, "--scale=streaming=0", "--scale=dashboard=0")
LONGEST_S = 300
TESTS_FAILED = 1

out = Console(highlight=False)


def main() -> None:
    """Ends with 1 where a mutant survives, or where the tests fail without one."""
    with scratch() as folder, _servers(folder) as state_dir:
        environment = {**os.environ, RUNNING: str(state_dir)}
        clean = _copy(folder / "clean")
        _must_pass(clean, environment)
        survivors = [mutant for mutant in MUTANTS if not _caught(mutant, clean, environment)]
    out.print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} safeguards are watched by a test")
    sys.exit(bool(survivors))


@contextmanager
def _servers(folder: Path) -> Iterator[Path]:
    """Kafka and the stores: those of a fleet that runs already, where the environment names one."""
    if given := os.environ.get(RUNNING):
        yield Path(given)
        return
    with running(folder / "servers", *SERVERS_ONLY) as fleet:
        yield fleet.state_dir


def _copy(target: Path) -> Path:
    for name in OURS:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def _must_pass(tree: Path, environment: dict[str, str]) -> None:
    tests = sorted({test for mutant in MUTANTS for test in mutant.tests})
    done = _run(tree, tests, environment)
    if done.returncode:
        out.print(done.stdout[-3000:])
        sys.exit("the tests fail with every safeguard in place: mend that first")


def _caught(mutant: Mutant, clean: Path, environment: dict[str, str]) -> bool:
    """A test must fail; a mutant that can't even be collected has shown nothing."""
    with tempfile.TemporaryDirectory(prefix="cauce-mutant-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(clean, tree, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        _mutate(tree / mutant.file, mutant)
        try:
            done = _run(tree, mutant.tests, environment)
        except subprocess.TimeoutExpired:
            out.print(f"  caught    {mutant.safeguard}: the tests hang without it")
            return True
    caught = done.returncode == TESTS_FAILED
    failed = next((line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")), "")
    out.print(f"  {'caught  ' if caught else '[red]SURVIVED[/]'}  {mutant.safeguard}: {failed.rpartition('::')[2]}")
    return caught


def _mutate(file: Path, mutant: Mutant) -> None:
    text = file.read_text()
    if text.count(mutant.before) != 1:
        sys.exit(f"{mutant.file} has not exactly one `{mutant.before}`: bring the list of safeguards up to date")
    file.write_text(text.replace(mutant.before, mutant.after))


def _run(
    tree: Path, tests: list[str] | tuple[str, ...], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--timeout", "45", "-p", "no:cacheprovider", *tests]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )


if __name__ == "__main__":
    main()
