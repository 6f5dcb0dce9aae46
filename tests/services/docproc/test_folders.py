"""A folder for each document."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.docproc.folders import Folders


def test_each_gets_an_empty_one_of_its_own() -> None:
    """Two documents at once are apart; what one left, files and folders, the next one doesn't find."""
    with Folders() as folders:
        with folders.one() as first, folders.one() as second:
            assert first != second
            (first / "document").write_bytes(b"x")
            (first / "unpacked").mkdir()
            (first / "unpacked" / "page").write_bytes(b"x")
            (second / "document").write_bytes(b"y")
        with folders.one() as third, folders.one() as fourth:
            assert {third, fourth} == {first, second}
            assert not list(third.iterdir()) + list(fourth.iterdir())


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    """What a parser was talked into linking to stays where it is."""
    (tmp_path / "precious").write_bytes(b"x")
    with Folders() as folders:
        with folders.one() as folder:
            (folder / "link").symlink_to(tmp_path)
        assert not list(folder.iterdir())
    assert (tmp_path / "precious").exists()


def test_one_that_was_left_by_an_error_is_not_used_again() -> None:
    """A parser that goes on after its document was given up must not write where the next one is."""
    with Folders() as folders:
        spoilt: list[Path] = []
        with pytest.raises(RuntimeError):
            _give_up_in(folders, spoilt)
        assert not spoilt[0].exists()
        with folders.one() as folder:
            assert folder != spoilt[0]


def test_nothing_is_left_at_the_end() -> None:
    """All folders are gone with the service."""
    with Folders() as folders, folders.one() as folder:
        (folder / "document").write_bytes(b"x")
    assert not folder.parent.exists()


def _give_up_in(folders: Folders, seen: list[Path]) -> None:
    with folders.one() as folder:
        seen.append(folder)
        (folder / "document").write_bytes(b"x")
        raise RuntimeError
