"""The checker itself: it is silent about sound facts, and names the right invariant for every kind of planted fault."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from tests.faults.checker import InvariantsBroken, check_all
from tests.faults.facts import Document, Facts, LetterFacts, ProcessFacts, QueueFacts, ServiceLine
from tests.faults.history import Read, Sent
from tests.faults.invariants import INVARIANTS
from tests.faults.load import Load
from wallet_core import Subject

ALICE, BOB = f"{0xA:024x}", f"{0xB:024x}"
TOPUP, TRANSFER, REFUSED = (f"7{number:023x}" for number in range(3))
SECRET = "guest:guest"


def wallet(user_id: str, balance_minor: int, version: int) -> Document:
    """Write a wallet; its id is its owner's with a w before it."""
    return {
        "_id": f"w{user_id}",
        "userId": user_id,
        "currency": "USD",
        "balanceMinor": balance_minor,
        "version": version,
    }


def entry(user_id: str, sequence: int, transaction_id: str, signed_minor: int, after: int) -> Document:
    """Write an entry."""
    return {
        "_id": {"w": f"w{user_id}", "n": sequence},
        "transactionId": transaction_id,
        "kind": "topup" if transaction_id == TOPUP else "transfer",
        "direction": "credit" if signed_minor > 0 else "debit",
        "amountMinor": abs(signed_minor),
        "balanceAfterMinor": after,
    }


def leg(user_id: str, sequence: int, direction: str, amount_minor: int) -> Document:
    """Write a leg."""
    return {"walletId": f"w{user_id}", "sequence": sequence, "direction": direction, "amountMinor": amount_minor}


def record(id_: str, state: str, status: str, legs: list[Document]) -> Document:
    """Write a transaction with its answer."""
    answer = {"revision": 1, "status": status}
    return {"_id": id_, "state": state, "kind": "transfer", "legs": legs, "answer": answer}


def read(id_: str, status: str, revision: int = 1) -> Read:
    """Write an answer as it was read."""
    body = json.dumps({"transactionId": id_, "revision": revision, "status": status})
    return Read(1.0, id_, revision, status, f"{id_}/{revision}", body)


def sent(subject: Subject, **message: str) -> Sent:
    """Write an event as it was confirmed."""
    return Sent(0.0, subject, json.dumps(message))


@pytest.fixture
def facts() -> Facts:
    """Give sound facts: Alice topped up 1.00 and sent Bob 0.40; one transfer of hers was refused."""
    load = Load(random.Random(1), users=0, late=0)  # noqa: S311 - draws nothing
    load.balances_minor.update({ALICE: 60, BOB: 40})
    load.dead_letters.update({"no_usable_id": 1})
    poison = sent(Subject.COMPLETED, type="topup")
    return Facts(
        wallets=[wallet(ALICE, 60, 2), wallet(BOB, 40, 1)],
        entries=[
            entry(ALICE, 1, TOPUP, 100, 100),
            entry(ALICE, 2, TRANSFER, -40, 60),
            entry(BOB, 1, TRANSFER, 40, 40),
        ],
        transactions=[
            record(TOPUP, "applied", "completed", [leg(ALICE, 1, "credit", 100)]),
            record(TRANSFER, "applied", "completed", [leg(ALICE, 2, "debit", 40), leg(BOB, 1, "credit", 40)]),
            record(REFUSED, "refused", "failed", []),
        ],
        outbox=[],
        queues={"wallet.update.q": QueueFacts(0, 0), "transaction.finalized.q": QueueFacts(3, 0)},
        letters=[LetterFacts("no_usable_id", poison.body)],
        sent=[
            sent(Subject.SIGNUP, userId=ALICE),
            sent(Subject.COMPLETED, transactionId=TOPUP),
            sent(Subject.COMPLETED, transactionId=TRANSFER),
            poison,
        ],
        read=[read(TOPUP, "completed"), read(TRANSFER, "completed"), read(REFUSED, "failed")],
        lines=[ServiceLine(1, "committed", (TOPUP,)), ServiceLine(1, "acked", (TOPUP,))],
        processes=[ProcessFacts(True, "all is well", {ALICE: 60, BOB: 40}, 50, 45)],  # noqa: FBT003 - ready
        secrets=[SECRET],
        loads=[load],
    )


def changed(documents: object, index: int, **fields: object) -> list[Document]:
    """Give the documents, one of them with other fields."""
    assert isinstance(documents, list)
    documents = deepcopy(documents)
    documents[index].update(fields)
    return documents


Plant = Callable[[Facts], Facts]

PLANTED: list[tuple[str, str, Plant]] = [
    ("I1", "a balance that no entry explains", lambda f: replace(f, wallets=changed(f.wallets, 1, balanceMinor=41))),
    ("I1", "a missing entry", lambda f: replace(f, entries=f.entries[:-1])),
    ("I1", "a transaction without its effect", lambda f: replace(f, transactions=changed(f.transactions, 0, legs=[]))),
    ("I2", "one effect twice", lambda f: replace(f, entries=[*f.entries, entry(BOB, 2, TRANSFER, 40, 80)])),
    ("I2", "two wallets of one user", lambda f: replace(f, wallets=[*f.wallets, wallet(BOB, 0, 0)])),
    (
        "I3",
        "an event that is nowhere",
        lambda f: replace(f, sent=[*f.sent, sent(Subject.FAILED, transactionId="f" * 24)]),
    ),
    ("I3", "a signup that is nowhere", lambda f: replace(f, sent=[*f.sent, sent(Subject.SIGNUP, userId="c" * 24)])),
    ("I3", "poison that vanished", lambda f: replace(f, letters=[])),
    ("I3", "a dead letter too many", lambda f: replace(f, letters=[*f.letters, LetterFacts("isolated_error", "{}")])),
    ("I4", "a zombie: nobody was told", lambda f: replace(f, read=f.read[1:])),
    ("I4", "a ghost: an answer without a record", lambda f: replace(f, read=[*f.read, read("e" * 24, "failed")])),
    ("I4", "the last answer is not the recorded one", lambda f: replace(f, read=[*f.read, read(TOPUP, "failed", 2)])),
    ("I4", "one answer in two forms", lambda f: replace(f, read=[replace(f.read[0], body="{}"), *f.read])),
    ("I4", "one answer under two ids", lambda f: replace(f, read=[replace(f.read[0], message_id="x"), *f.read])),
    ("I4", "a row left in the outbox", lambda f: replace(f, outbox=[{"transactionIds": [TOPUP]}])),
    ("I5", "a balance below zero", lambda f: replace(f, entries=changed(f.entries, 1, balanceAfterMinor=-1))),
    ("I6", "an altered entry", lambda f: replace(f, entries=changed(f.entries, 1, balanceAfterMinor=61))),
    ("I6", "a version that replay does not give", lambda f: replace(f, wallets=changed(f.wallets, 0, version=3))),
    ("I6", "an entry of no transaction", lambda f: replace(f, entries=changed(f.entries, 0, transactionId="d" * 24))),
    ("I7", "completed after failed", lambda f: replace(f, read=[*f.read, read(REFUSED, "completed", 2)])),
    (
        "I7",
        "a state with the wrong answer",
        lambda f: replace(f, transactions=changed(f.transactions, 2, state="applied")),
    ),
    ("I8", "an ack before the commit", lambda f: replace(f, lines=[*f.lines[::-1]])),
    ("I8", "an ack before the park", lambda f: replace(f, lines=[ServiceLine(1, "park_acked", (TOPUP,))])),
    ("I8", "a message left in a queue", lambda f: replace(f, queues={"wallet.retry.x.50": QueueFacts(0, 1)})),
    ("I9", "a process that is not ready", lambda f: replace(f, processes=[replace(f.processes[0], is_ready=False)])),
    ("I10", "a leak of handles", lambda f: replace(f, processes=[replace(f.processes[0], handles=500)])),
    ("I11", "a lie to a client", lambda f: replace(f, processes=[replace(f.processes[0], balances_minor={BOB: 1})])),
    (
        "I12",
        "a gap in a sequence",
        lambda f: replace(f, entries=[f.entries[0], *changed(f.entries[1:], 0, _id={"w": f"w{ALICE}", "n": 3})]),
    ),
    ("I13", "a secret in a log", lambda f: replace(f, processes=[replace(f.processes[0], log=f"amqp://{SECRET}@x")])),
]


def test_sound_facts_pass_and_every_invariant_is_looked_at(facts: Facts) -> None:
    """The checker gives the names of all invariants when nothing contradicts them."""
    checked = check_all(facts)

    assert tuple(INVARIANTS) == checked


@pytest.mark.parametrize(("name", "plant"), [pytest.param(n, p, id=f"{n} {what}") for n, what, p in PLANTED])
def test_a_planted_fault_breaks_its_invariant(facts: Facts, name: str, plant: Plant) -> None:
    """Each planted fault is found under the name of the invariant that it breaks."""
    planted = plant(facts)

    with pytest.raises(InvariantsBroken) as broken:
        check_all(planted)

    assert name in broken.value.names


def test_every_invariant_has_a_planted_fault() -> None:
    """No invariant is there that nobody has seen go red."""
    assert set(INVARIANTS) == {name for name, _, _ in PLANTED}
