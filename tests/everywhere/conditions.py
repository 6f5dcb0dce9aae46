"""The conditions under which a stranger's machine differs from ours; each alone, or several at once."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
KEPT = ("*_proxy", "*_PROXY", "PIP_*", "*_CA_BUNDLE", "SSL_CERT_*", "CAUCE_MAVEN_REPOSITORY")
"""Variables that say how the network and its registries are reached; nothing else of the caller's is kept."""

UNREADABLE = "unreadable"
"""The name of the folder that nobody may read."""


@dataclass(frozen=True)
class Place:
    """Where a run takes place: the folders are made for it."""

    base: Path
    clone: Path
    environment: Mapping[str, str]
    umask: int = 0o022
    folders: tuple[Path, ...] = field(default=())

    def with_folder(self, folder: Path, variable: str) -> Place:
        return replace(self, folders=(*self.folders, folder), environment={**self.environment, variable: str(folder)})


def plain(base: Path, user: str, caller: Mapping[str, str]) -> Place:
    """An ordinary user with a clean environment; what pytest writes is below `base` too."""
    kept = {name: value for name, value in caller.items() if any(fnmatch.fnmatchcase(name, one) for one in KEPT)}
    own = {"PATH": SYSTEM_PATH, "USER": user, "LOGNAME": user, "PIP_CACHE_DIR": str(base / "pip")}
    place = Place(base, base / "cauce", {**kept, **own}).with_folder(base / "home", "HOME")
    return place.with_folder(base / "pytest", "PYTEST_DEBUG_TEMPROOT")


def _path(place: Place) -> Place:
    """Folders on the PATH that can't be read, and such that are not there."""
    unreadable, missing = place.base / UNREADABLE, place.base / "missing"
    path = f"{unreadable}:{missing}:{place.environment['PATH']}"
    return replace(place, folders=(*place.folders, unreadable), environment={**place.environment, "PATH": path})


def _home(place: Place) -> Place:
    """A home with a space and an umlaut in its path."""
    return place.with_folder(place.base / "Jürgens home", "HOME")


def _tmpdir(place: Place) -> Place:
    """Temporary files elsewhere; pytest's go there as well."""
    environment = {name: value for name, value in place.environment.items() if name != "PYTEST_DEBUG_TEMPROOT"}
    return replace(place, environment=environment).with_folder(place.base / "elsewhere", "TMPDIR")


def _umask(place: Place) -> Place:
    """What is written can be read by its owner alone."""
    return replace(place, umask=0o077)


def _clone(place: Place) -> Place:
    """A clone whose path has a space."""
    return replace(place, clone=place.base / "a clone" / "cauce")


CONDITIONS: dict[str, Callable[[Place], Place]] = {
    "user": lambda place: place,
    "path": _path,
    "home": _home,
    "tmpdir": _tmpdir,
    "umask": _umask,
    "clone": _clone,
}


def under(place: Place, names: Iterable[str]) -> Place:
    """`place` under each of the conditions that are named."""
    for name in names:
        place = CONDITIONS[name](place)
    return place
