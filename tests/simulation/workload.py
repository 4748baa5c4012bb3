"""The events of a story: signups, top-ups, transfers, failures; late, twice, in any order, in both vocabularies.

Each transaction is a short tale (``CF``: it completes, then it fails), told in order or not, each event once or more.
Some events make no sense; they have ids of their own and never move money, so that the model need not know them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.scenario import Event, topup, transaction_id, transfer_v1
from wallet_core import DeadLetterReason, SetAside, Subject, Vocabulary
from wallet_core.testing.facts import Completed, Failed, SignedUp
from wallet_core.testing.strategies import PAIRS, USERS

NAMES = dict(zip(USERS, ("Alice", "Bob", "Carol", "Dave"), strict=True))
NO_OBJECT_ID = "not-an-object-id"
HOSTILE_FIRST, POISON_FIRST = 0xA00, 0xB00
"""Transaction numbers from which on events make no sense, or are refused by the store each time."""

POISON_IDS = frozenset(map(transaction_id, range(POISON_FIRST, POISON_FIRST + 9)))
HOSTILE_IDS = POISON_IDS | frozenset(map(transaction_id, range(HOSTILE_FIRST, HOSTILE_FIRST + 9))) | {NO_OBJECT_ID}
UNREADABLE = SetAside(DeadLetterReason.TOO_LARGE, "the body has 70000 bytes")

Message = dict[str, object] | SetAside


class Temper(StrEnum):
    """What kind of story it is."""

    RICH = "rich: everybody can pay, so that the order decides nothing but who fails"
    TIGHT = "tight: what one has is soon spent by another"
    SLEEPY = "sleepy: relays oversleep their lease, and what they have in hand fails meanwhile"
    HOSTILE = "hostile: among the events are some that make no sense"


CAN_PAY = frozenset({Temper.RICH, Temper.SLEEPY})
"""Where nothing is refused and no reversal falls due."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of a neighbour, and when it is sent. ``number`` is its name in the trace."""

    number: int
    at_ms: int
    subject: Subject
    message: Message

    def __str__(self) -> str:
        """Say it shortly: ``#3 completed 7..001 Alice->Bob 2``."""
        if isinstance(self.message, SetAside):
            return f"#{self.number} {self.subject.value} that cannot be read"
        message = dict(self.message)
        id_ = str(message.pop("transactionId", "")) or "-"
        names = {name: NAMES.get(str(value), str(value)) for name, value in message.items()}
        fields = " ".join(f"{name}={value}" for name, value in names.items())
        return f"#{self.number} {self.subject.value} {shortly(id_)} {fields}"


def shortly(id_: str) -> str:
    """Name a transaction shortly: the end of its id."""
    return f"t{id_[-3:]}" if len(id_) == len(transaction_id(0)) else id_


TALES = ("C", "C", "C", "CC", "CF", "CF", "FC", "F", "CFC", "CFF", "CCF", "FCF")
TRANSACTIONS_MAX = 9
LATENESS_MS = (0, 0, 0, 3_000, 20_000)
"""How much later than drawn a signup comes; the wait for it is 51 s at least (docs/events.md)."""

PAUSES_MS = (0, 0, 8_000)
"""Between what is told about one transaction: it may fail after its answer has long gone out."""

DURATIONS_MS = (200, 5_000, 40_000)
DUPLICATES = (0, 0, 0, 1, 1, 3)


def draw_sent(random: Random, temper: Temper) -> tuple[Sent, ...]:
    """Draw the events of a story, in the order in which they are sent."""
    duration_ms = random.choice(DURATIONS_MS)
    drawn = list(_signups(random, duration_ms, temper))
    for number in range(1, random.randint(2, TRANSACTIONS_MAX)):
        drawn += _tale(random, number, duration_ms, temper)
    if temper not in CAN_PAY:
        drawn += _spent_tale(random, duration_ms)
    told: list[tuple[int, Subject, Message]] = [(at_ms, event.subject, event.message) for at_ms, event in drawn]
    if temper is Temper.HOSTILE:
        told += [(random.randrange(duration_ms), subject, message) for subject, message in _hostile(random)]
    for at_ms, subject, message in list(told):
        told += [(at_ms + random.choice((0, 10, 5_000)), subject, message) for _ in range(random.choice(DUPLICATES))]
    told.sort(key=lambda one: one[0])
    return tuple(Sent(number, *one) for number, one in enumerate(told, start=1))


def _signups(random: Random, duration_ms: int, temper: Temper) -> Iterator[tuple[int, Event]]:
    """Everybody signs up, in time or late; unless all are rich, Dave does not, or much too late."""
    is_rich = temper in CAN_PAY
    for user_id in USERS[: 4 if is_rich else 3]:
        at_ms = random.choice((0, random.randrange(min(duration_ms, 20_000))))
        yield at_ms + random.choice(LATENESS_MS), SignedUp(user_id).event()
    if not is_rich and random.randrange(2):
        yield random.choice((0, 100_000)), SignedUp(USERS[3]).event()


def _tale(random: Random, number: int, duration_ms: int, temper: Temper) -> Iterator[tuple[int, Event]]:
    """One transaction: a transfer or a top-up, and what else is told about it."""
    vocabulary = random.choice(list(Vocabulary))
    sender_id, recipient_id = random.choice(PAIRS)
    if not random.randrange(3):
        recipient_id = random.choice(USERS)
    is_topup = not random.randrange(3) or sender_id == recipient_id
    amount_minor = random.choice((100, 200, 300)) if temper not in CAN_PAY else random.choice((1, 250))
    completed = Completed(
        transaction_id(number), None if is_topup else sender_id, recipient_id, amount_minor, vocabulary
    )
    told = {"C": completed.event(), "F": Failed(completed.id).event()}
    letters = "CF" if temper is Temper.SLEEPY else random.choice(TALES)
    events = [told[letter] for letter in letters]
    if temper is Temper.HOSTILE and not random.randrange(3):
        events.append(completed.event().but(amount=7))
    pause_ms = max(PAUSES_MS) if temper is Temper.SLEEPY else random.choice(PAUSES_MS)
    times = [random.randrange(duration_ms) + told * pause_ms for told in range(len(events))]
    yield from zip(times if random.randrange(4) == 0 else sorted(times), events, strict=True)


def _spent_tale(random: Random, duration_ms: int) -> Iterator[tuple[int, Event]]:
    """Alice gets money and sends it to Bob, who sends it on; then it fails: a reversal that falls due."""
    alice_id, bob_id, carol_id, _ = USERS
    topped_up = Completed(transaction_id(200), None, alice_id, 300)
    first = Completed(transaction_id(201), alice_id, bob_id, 300)
    second = Completed(transaction_id(202), bob_id, carol_id, random.choice((300, 200)))
    events = [topped_up.event(), first.event(), second.event(), Failed(random.choice((topped_up.id, first.id))).event()]
    events += [Completed(transaction_id(203), None, bob_id, 300).event()] * random.randrange(2)
    yield from zip(sorted(random.randrange(duration_ms) for _ in events), events, strict=True)


def _hostile(random: Random) -> Sequence[tuple[Subject, Message]]:
    """Choose some messages that make no sense."""
    alice_id, bob_id, *_ = USERS
    ids = list(map(transaction_id, range(HOSTILE_FIRST, HOSTILE_FIRST + 6)))
    events = [
        topup(ids[0], alice_id, -1),
        topup(ids[1], alice_id, 1).but(version="2.0"),
        topup(ids[2], alice_id, 1).but(type="refund"),
        topup(ids[3], alice_id, 1).without("userId"),
        topup("", alice_id, 1),
        transfer_v1(NO_OBJECT_ID, alice_id, bob_id, 1),
        Event(Subject.SIGNUP, {"name": "nobody"}),
        Event(Subject.FAILED, {"transactionId": ids[5], "version": "2.0"}),
        topup(transaction_id(POISON_FIRST), alice_id, 1),
        topup(transaction_id(POISON_FIRST + 1), alice_id, 1),
    ]
    messages: list[tuple[Subject, Message]] = [(event.subject, event.message) for event in events]
    return random.sample([*messages, (Subject.COMPLETED, UNREADABLE)], random.randint(1, 4))
