from __future__ import annotations

from shared.streams.distribution import WIDTH, Distribution


def lines(*values: object) -> list[str]:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    assert distribution.values == len(values)
    return distribution.lines()


def test_many_numbers_become_ten_buckets() -> None:
    """Of one width from the least to the greatest, which belongs to the last."""
    found = lines(*range(101))
    assert len(found) == 10
    assert found[0].split()[:4] == ["0", "to", "10", "10"]
    assert found[-1].split()[:4] == ["90", "to", "100", "11"]
    assert found[-1].count("█") == WIDTH


def test_few_numbers_stand_for_themselves() -> None:
    """Half stars are not put into buckets."""
    assert [line.split()[:2] for line in lines(5.0, 0.5, 5.0)] == [["0.5", "1"], ["5", "2"]]


def test_texts_are_counted() -> None:
    """The ten most frequent, and how many others there are."""
    found = lines(*["a", "b", "a"], *map(str, range(20)))
    assert found[0].split()[:2] == ["a", "2"]
    assert len(found) == 11
    assert found[-1].strip() == "and 12 other values"


def test_nothing_and_odd_values() -> None:
    """No value, one value, truth, NaN and nested ones break nothing."""
    assert lines() == []
    assert len(lines(7)) == 1
    assert len(lines(True, None, {"a": 1}, float("nan"), float("inf"), 10**400)) == 6
