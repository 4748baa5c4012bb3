"""The prefix rule: an ack never says more than is true, and in the end every delivery is acked exactly once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.rabbitmq.acknowledgement import Acknowledgement, Unsettled


def unsettled(tags: int) -> Unsettled:
    """Give a channel on which so many deliveries have arrived."""
    channel = Unsettled()
    for tag in range(1, tags + 1):
        channel.arrived(tag)
    return channel


def test_a_whole_batch_is_one_ack() -> None:
    """When every lower tag is settled, one ack covers them all."""
    assert [Acknowledgement(3, multiple=True)] == unsettled(3).settle([1, 2, 3])


def test_behind_a_hole_each_is_acked_alone() -> None:
    """While a lower tag is unsettled, nothing is acked for it."""
    channel = unsettled(4)

    acks = channel.settle([1, 3, 4])

    assert [Acknowledgement(tag, multiple=False) for tag in (1, 3, 4)] == acks


def test_a_closed_hole_acks_only_itself() -> None:
    """When the hole closes, the tags behind it are not acked again: the broker closes the channel on an unknown tag."""
    channel = unsettled(4)
    channel.settle([3, 4])

    assert [Acknowledgement(2, multiple=True)] == channel.settle([1, 2])
    assert 0 == len(channel)


def test_a_tag_is_settled_once() -> None:
    """Settling again, or settling what never arrived, acks nothing."""
    channel = unsettled(1)
    channel.settle([1])

    assert [] == channel.settle([1, 2])


class BrokerChannel:
    """What the broker keeps of a channel: acks of unknown tags close it."""

    def __init__(self, tags: int) -> None:
        """Have delivered so many."""
        self.unacked = set(range(1, tags + 1))

    def take(self, ack: Acknowledgement) -> set[int]:
        """Give the tags that this ack settles."""
        assert ack.tag in self.unacked, f"{ack} names a tag that is not unacked: the broker would close the channel"
        acked = {tag for tag in self.unacked if tag <= ack.tag} if ack.multiple else {ack.tag}
        self.unacked -= acked
        return acked


@given(st.data())
def test_any_order_acks_each_settled_delivery_and_no_other(data: st.DataObject) -> None:
    """Whatever is settled, in any order and groups, the broker's unacked deliveries are always the unsettled ones."""
    tags = data.draw(st.integers(1, 30))
    order = data.draw(st.permutations(range(1, tags + 1)))
    channel, broker = unsettled(tags), BrokerChannel(tags)
    waiting = set(order)

    while order:
        group = [order.pop() for _ in range(min(len(order), data.draw(st.integers(1, 5))))]
        waiting.difference_update(group)
        for ack in channel.settle(group):
            broker.take(ack)

        assert waiting == broker.unacked
        assert len(waiting) == len(channel)
