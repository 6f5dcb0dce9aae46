from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from compose.local.errors import LocalStackError
from compose.local.ports import HOST, choose, free_port, is_free, owner


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, free_port()))
        server.listen()
        yield server.getsockname()[1]


def test_a_listening_port_is_not_free(taken: int) -> None:
    """A port that somebody listens on is not free."""
    assert not is_free(taken)


def test_owner_names_the_process(taken: int) -> None:
    """The message about a taken port names who has it."""
    assert f"pid {os.getpid()} " in owner(taken)


def test_remembered_ports_are_kept() -> None:
    """A restart gets the ports that it had."""
    port = free_port()
    assert choose(["kafka"], {}, {"kafka": port}, {}, {"kafka"}) == {"kafka": port}


def test_an_asked_port_wins_over_the_remembered_one() -> None:
    """The port that the user names is used, whatever was used before."""
    first, second = free_port(), free_port()
    assert choose(["kafka"], {"kafka": second}, {"kafka": first}, {}, {"kafka"}) == {"kafka": second}


def test_a_taken_public_port_is_refused_with_its_owner(taken: int) -> None:
    """A server's address never moves silently; the error says who is in the way and what to do."""
    with pytest.raises(LocalStackError, match=f"port {taken} for kafka is taken by pid") as raised:
        choose(["kafka"], {}, {"kafka": taken}, {}, {"kafka"})
    assert "--port kafka=" in raised.value.advice


def test_a_taken_private_port_moves(taken: int) -> None:
    """A health port that somebody took meanwhile is simply replaced."""
    assert choose(["docproc"], {}, {"docproc": taken}, {}, set())["docproc"] != taken


def test_an_asked_private_port_is_not_moved(taken: int) -> None:
    """What the user asked for is used or refused, for any process."""
    with pytest.raises(LocalStackError):
        choose(["docproc"], {"docproc": taken}, {}, {}, set())


def test_a_taken_preferred_port_is_passed_over(taken: int) -> None:
    """A preference is no demand."""
    assert choose(["api_gateway"], {}, {}, {"api_gateway": taken}, {"api_gateway"})["api_gateway"] != taken


def test_chosen_ports_differ() -> None:
    """No two processes of a fleet get the same port."""
    names = [f"process-{number}" for number in range(50)]
    assert len(set(choose(names, {}, {}, {}, set()).values())) == 50
