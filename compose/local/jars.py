"""Fetching jars with jgo's pure-Python resolver, which needs neither Maven nor Java."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from compose.local.artifacts import LOCK_FILE, Jar, read_lock, set_name, verify
from compose.local.cache import sealed_folder
from compose.local.errors import LocalStackError
from compose.local.progress import Fetching, ignore
from compose.local.settings import LocalSettings

if TYPE_CHECKING:
    from jgo.maven import MavenContext

Arrived = Callable[[int], None]
_AT_ONCE = 6
_TIMEOUT_SECONDS = 60


def jar_set(name: str, settings: LocalSettings, fetching: Fetching, lock: Path = LOCK_FILE) -> list[Path]:
    """The paths of one set of jars, fetched where absent, all checked against the lock file on every call.

    Raises LocalStackError when a jar cannot be fetched or is not the one that the lock file names.
    """
    jars = [jar for jar in read_lock(lock) if jar.group == name]
    folder = sealed_folder(
        settings.cache_dir / set_name(name, jars), lambda work: fetch(jars, work, settings, fetching)
    )
    for jar in jars:
        verify(jar, folder / jar.filename)
    return [folder / jar.filename for jar in jars]


def fetch(jars: Sequence[Jar], folder: Path, settings: LocalSettings, fetching: Fetching) -> None:
    """Download `jars` into `folder`, several at once, refusing any with another checksum."""
    total = sum(jar.size for jar in jars)
    with (
        fetching.item(f"{jars[0].group}: {len(jars)} jar{'s' * (len(jars) > 1)}", total) as arrived,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        for _ in pool.map(lambda jar: _fetch_one(jar, folder, settings, arrived), jars):
            pass


def _fetch_one(jar: Jar, folder: Path, settings: LocalSettings, arrived: Arrived) -> None:
    # requests' errors are OSErrors; jgo raises RuntimeError where no repository has the file.
    attempts = Retrying(
        retry=retry_if_exception_type((OSError, RuntimeError)),
        stop=stop_after_attempt(3),
        wait=wait_exponential_jitter(multiplier=0.5, max=5),
        reraise=True,
    )
    try:
        attempts(_download, jar, folder, settings, arrived)
    except (OSError, RuntimeError) as error:
        raise LocalStackError(
            f"cannot fetch {jar.coordinate}: {error}",
            advice="check the network and its proxy settings, or name a mirror with CAUCE_MAVEN_REPOSITORY",
        ) from error


def _download(jar: Jar, folder: Path, settings: LocalSettings, arrived: Arrived) -> None:
    # A folder of its own per attempt: jgo refuses to write over what a broken attempt left.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".jar-") as work:
        path = context(Path(work), settings, arrived).create_dependency(jar.coordinate).artifact.resolve()
        verify(jar, path)
        path.rename(folder / jar.filename)


def context(repository: Path, settings: LocalSettings, arrived: Arrived = ignore) -> MavenContext:
    """jgo's context, told everything, so that neither the user's Maven nor its settings play a part."""

    # Imported here, since half of the time that `cauce` takes to start would go to what only a fetch needs.
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

    def progress(_filename: str, _size: int) -> AbstractContextManager[Arrived]:
        return nullcontext(arrived)

    mirror = settings.maven_repository
    return MavenContext(
        resolver=PythonResolver(progress_callback=progress),
        repo_cache=repository,
        local_repos=[],
        remote_repos={"mirror": mirror} if mirror else None,
        timeout=_TIMEOUT_SECONDS,
    )
