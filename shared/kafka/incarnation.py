"""Whether a topic is the one that the stores' contents came from: a pure judgment of what Kafka and the store say."""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts.topics import StoredLog, TopicAdopted


def mismatch(
    topic: str,
    topic_id: str | None,
    adopted: TopicAdopted | None,
    stored: StoredLog | None,
    ends: Mapping[int, int],
) -> str | None:
    """Why nothing may be written to the topic, a sentence; None where all agree.

    `topic_id` and `ends` are the broker's, the latter by partition; `adopted` is what `topics.control` says of the
    topic, `stored` what the store says. What isn't known yet, such as the store's word while it is away, is no reason.
    """
    if topic_id is None:
        return f"`{topic}` is not there: run `cauce topics apply`"
    if adopted is None:
        return f"`topics.control` says nothing of `{topic}`: run `cauce topics apply`"
    if adopted.topic_id != topic_id:
        return f"`{topic}` is another topic than the one in force: it was made anew"
    return None if stored is None else _against_the_store(topic, adopted, stored, ends)


def _against_the_store(topic: str, adopted: TopicAdopted, stored: StoredLog, ends: Mapping[int, int]) -> str | None:
    """An older incarnation is no mismatch: the store doesn't know of the adoption yet, or was put back to an older
    state."""
    if stored.incarnation < adopted.incarnation:
        return None
    if stored.incarnation > adopted.incarnation or stored.topic_id != adopted.topic_id:
        return f"the stores' contents came from another `{topic}`: Kafka's data was lost, or the stores are not its own"
    for number, end in sorted(stored.ends.items()):
        if end > ends.get(number, 0):
            now = ends.get(number, 0)
            return f"{topic}-{number} ends at {now}, but the stores have seen it up to {end}: its end is lost"
    return None


def is_to_be_restored(topic_id: str | None, adopted: TopicAdopted | None, stored: StoredLog | None) -> bool:
    """Whether `topics.control` alone was lost: the store knows the topic that is there, under a later incarnation."""
    return (
        stored is not None
        and stored.topic_id == topic_id
        and (adopted is None or (adopted.topic_id == topic_id and adopted.incarnation < stored.incarnation))
    )
