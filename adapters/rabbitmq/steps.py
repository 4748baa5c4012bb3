"""The steps of this adapter, in the order of an event's walk: between any two of them a process may die.

A closed list. An observer hears of each step when it is done, and so a test can end the process at every one of them;
nothing here decides anything. How each is named is part of what a recorded history holds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class BrokerStep(StrEnum):
    """A step, and what is done when it is reached."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """Be the name; keep the meaning."""
        step = str.__new__(cls, name)
        step._value_ = name
        step.meaning = meaning
        return step

    TOPOLOGY_DECLARED = "topology_declared", "one exchange, queue or binding is there"
    TAKEN = "taken", "a batch was taken from the deliveries that have arrived"
    COMMITTED = "committed", "the batch is in the books; none of it is settled"
    BEFORE_ACK = "before_ack", "what is to be parked is handed over; the rest is about to be acked"
    ACKED = "acked", "the acks of the batch are sent"
    PARK_SENT = "park_sent", "messages for a retry queue or the dead-letter queue are sent; none is known as confirmed"
    PARKED = "parked", "one such message is confirmed; its delivery is not acked"
    PARK_ACKED = "park_acked", "the acks of parked deliveries are sent"
    RETURN_SENT = "return_sent", "messages whose wait is over are sent to their source; none is known as confirmed"
    RETURNED = "returned", "one such message is confirmed; its delivery from the retry queue is not acked"
    RETURN_ACKED = "return_acked", "the acks of deliveries that have returned are sent"
    ANSWERS_SENT = "answers_sent", "answers are sent; none is known as confirmed"
    ANSWERS_CONFIRMED = "answers_confirmed", "answers are confirmed; the outbox still holds them"
