from __future__ import annotations

import pytest

from shared.dead_letters.book import Wanted
from shared.dead_letters.desk import ACTIONS, Desk
from shared.errors import Transient
from tests.memory_questions import MemoryQuestions
from tests.shared.dead_letters.samples import TOPICS, Office


async def test_it_reads_on_from_where_it_was() -> None:
    """A look when nothing has come asks for the ends alone."""
    office = Office()
    questions = MemoryQuestions(office.broker)
    desk = Desk(questions, TOPICS)
    office.fail(office.write(1))
    assert len((await desk.book()).entries(Wanted())) == 1
    asked = questions.asked
    assert len((await desk.book()).entries(Wanted())) == 1
    assert questions.asked == asked + 1
    office.fail(office.write(2))
    assert len((await desk.book()).entries(Wanted())) == 2


async def test_only_the_newest_of_each_topic_are_known() -> None:
    """However many there are: a process that runs for months must not grow with them."""
    office = Office()
    desk = Desk(MemoryQuestions(office.broker), TOPICS, most=2)
    names = [office.fail(office.write(number)) for number in range(5)]
    assert {entry.identity for entry in (await desk.book()).entries(Wanted())} == set(names[3:])
    names.append(office.fail(office.write(5)))
    assert {entry.identity for entry in (await desk.book()).entries(Wanted())} == set(names[4:])


async def test_a_cluster_without_the_topic_of_actions_is_told() -> None:
    """Before anything is redriven that nobody could write down."""
    office = Office()
    del office.broker.logs[ACTIONS]
    with pytest.raises(Transient, match="run `cauce topics apply`"):
        await office.desk.book()


async def test_an_outage_is_told_and_forgets_nothing() -> None:
    """The next look goes on."""
    office = Office()
    office.fail(office.write(1))
    await office.desk.book()
    office.broker.away = True
    with pytest.raises(Transient):
        await office.desk.book()
    office.broker.away = False
    assert len((await office.desk.book()).entries(Wanted())) == 1
