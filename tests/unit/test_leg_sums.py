"""Sums of facts cancel out exactly where both sides say the same, whatever the order."""

from hypothesis import given
from hypothesis import strategies as st

from wallet_core import Direction, EntryKind
from wallet_core.leg_audit import EntryFacts
from wallet_core.leg_sums import LegSums

IDS = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def facts(draw: st.DrawFn) -> EntryFacts:
    """Draw what an entry says, out of few values, so that entries resemble each other."""
    return (
        draw(IDS),
        draw(IDS),
        draw(st.integers(1, 5)),
        draw(st.none() | IDS),
        draw(st.none() | IDS),
        draw(st.none() | st.sampled_from(EntryKind)),
        draw(st.sampled_from(Direction)),
        draw(st.integers(1, 5)),
        draw(st.sampled_from(["USD", "EUR"])),
        draw(st.none() | st.integers(1, 5)),
    )


@given(posted=st.lists(facts(), max_size=20), data=st.data())
def test_the_same_facts_in_any_order_leave_nothing_over(posted: list[EntryFacts], data: st.DataObject) -> None:
    """Entries and legs that say the same leave no suspect, whichever comes first."""
    sums = LegSums()
    for each in posted:
        sums.posted(each)
    for each in data.draw(st.permutations(posted)):
        sums.recorded(each)

    assert not sums.has_suspects
    assert not any(sums.is_suspect(id_) for id_ in "abcd")


@given(posted=st.lists(facts(), min_size=1, max_size=20), other=facts(), data=st.data())
def test_one_other_fact_makes_both_transactions_suspect(
    posted: list[EntryFacts], other: EntryFacts, data: st.DataObject
) -> None:
    """Where one leg says something else than its entry, the transactions of both are suspects."""
    at = data.draw(st.integers(0, len(posted) - 1))
    sums = LegSums()
    for each in posted:
        sums.posted(each)
    for each in [*posted[:at], other, *posted[at + 1 :]]:
        sums.recorded(each)

    is_other = other != posted[at]
    assert is_other == sums.has_suspects
    assert is_other == sums.is_suspect(posted[at][0]) == sums.is_suspect(other[0])
