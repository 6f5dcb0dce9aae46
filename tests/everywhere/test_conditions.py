from __future__ import annotations

from pathlib import Path

from tests.everywhere.conditions import CONDITIONS, SYSTEM_PATH, UNREADABLE, plain, under

BASE = Path("/base")
CALLER = {"PATH": "/root/bin", "HOME": "/root", "LANG": "C.UTF-8", "https_proxy": "http://proxy", "PIP_CERT": "/a.crt"}


def test_the_environment_is_clean() -> None:
    """Nothing of the caller's is left but how the network is reached, so that no run leans on it."""
    environment = plain(BASE, "ada", CALLER).environment
    assert {name: environment.get(name) for name in CALLER} == {
        "PATH": SYSTEM_PATH,
        "HOME": "/base/home",
        "LANG": None,
        "https_proxy": "http://proxy",
        "PIP_CERT": "/a.crt",
    }


def test_all_conditions_hold_at_once() -> None:
    """None takes another's place, and all that is written lies below one folder."""
    place = under(plain(BASE, "ada", CALLER), CONDITIONS)
    assert place.environment["PATH"] == f"/base/{UNREADABLE}:/base/missing:{SYSTEM_PATH}"
    assert " " in place.environment["HOME"]
    assert not place.environment["HOME"].isascii()
    assert place.environment["TMPDIR"] == "/base/elsewhere"
    assert place.umask == 0o077
    assert " " in str(place.clone)
    assert all(folder.is_relative_to(BASE) for folder in (*place.folders, place.clone))
    assert BASE / "missing" not in place.folders


def test_each_condition_changes_something_of_its_own() -> None:
    """But for the plain one, which is the user's alone."""
    before = plain(BASE, "ada", CALLER)
    assert [name for name in CONDITIONS if under(before, [name]) == before] == ["user"]
