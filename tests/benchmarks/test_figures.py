"""The arithmetic behind the benchmarks."""

from __future__ import annotations

import pytest

from tests.benchmarks.figures import Figure, percentile, rotated


def test_a_figure_is_the_median_of_its_rounds() -> None:
    """One round in which the machine was busy does not decide."""
    figure = Figure((2_900.0, 3_100.0, 400.0, 3_000.0, 3_050.0))

    assert 3_000.0 == figure.median


def test_a_ratio_is_taken_within_each_round() -> None:
    """A machine that is half as fast in one round slows both sides, and the ratio stays."""
    ours = Figure((3_000.0, 1_500.0, 3_000.0))
    echo = Figure((2_000.0, 1_000.0, 2_500.0))

    ratio = ours.over(echo)

    assert (1.5, 1.5, 1.2) == ratio.values
    assert 1.5 == ratio.median


def test_sides_with_different_rounds_have_no_ratio() -> None:
    """A reference that was not measured as often is not of the same run."""
    with pytest.raises(ValueError, match="shorter"):
        Figure((1.0, 2.0)).over(Figure((1.0,)))


def test_nothing_measured_is_no_figure() -> None:
    """A median of nothing would be found out late."""
    with pytest.raises(ValueError, match="at least one"):
        Figure(())


def test_percentiles_lie_between_the_values() -> None:
    """The 50th is the median, the 99th is near the top."""
    values = [float(number) for number in range(1, 102)]

    assert 51.0 == percentile(values, 50)
    assert 100.0 == percentile(values, 99)


def test_each_round_begins_with_another_one() -> None:
    """Nobody always comes behind the same one."""
    rounds = [rotated(("echo", "motor", "pymongo"), number) for number in range(4)]

    assert [["echo", "motor", "pymongo"], ["motor", "pymongo", "echo"], ["pymongo", "echo", "motor"]] == rounds[:3]
    assert rounds[0] == rounds[3]
