"""The load of a drain: transfers among funded wallets, as the two vocabularies write them, and what must come of them.

Everything is drawn from a seed. Half of the messages are documented ones with all their fields (a description, a time,
an amount in cents), half are v1's. Ids of transactions are ObjectIds in the order in which they are made, as the
transactions service draws them; ids of users have no order.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass

from bson import ObjectId

CENTS = 100

AMOUNT_MAX = 9
"""Dollars of the largest transfer."""

DESCRIPTION = "Payment for services"
"""As in the contract's sample."""


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What is drawn.

    ``hot_share`` of the transfers go to one wallet, the others to any. ``description_length`` is that of the documented
    half, in characters; 0 is the sample's.
    """

    transfers: int = 20_000
    wallets: int = 1_000
    hot_share: float = 0.0
    description_length: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """Message bodies in the order in which they are sent, and what each user's balance changes by, in cents."""

    bodies: tuple[bytes, ...]
    changes_minor: Counter[str]


def user_id(number: int) -> str:
    """Give the id of a user: 24 hex digits without an order."""
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=12).hexdigest()


def draw(shape: Shape, seed: int) -> Load:
    """Draw a load. Nobody sends to himself, and nobody runs out of money (see ``ledger``)."""
    chance = random.Random(seed)  # noqa: S311 - draws a load, guards nothing
    description = ("x" * shape.description_length) or DESCRIPTION
    changes: Counter[str] = Counter()
    bodies = []
    for number in range(shape.transfers):
        sender, recipient = _parties(chance, shape)
        if number % 2:
            cents = chance.randint(1, AMOUNT_MAX) * CENTS
            bodies.append(_v1(sender, recipient, cents))
        else:
            cents = chance.randint(1, AMOUNT_MAX * CENTS)
            bodies.append(_documented(sender, recipient, cents, description))
        changes[sender] -= cents
        changes[recipient] += cents
    return Load(tuple(bodies), changes)


def _parties(chance: random.Random, shape: Shape) -> tuple[str, str]:
    hot = chance.random() < shape.hot_share
    recipient = 0 if hot else chance.randrange(shape.wallets)
    sender = chance.randrange(shape.wallets - 1)
    return user_id(sender + (sender >= recipient)), user_id(recipient)


def _documented(sender: str, recipient: str, cents: int, description: str) -> bytes:
    message = {
        "transactionId": str(ObjectId()),
        "type": "transfer",
        "userId": sender,
        "recipientId": recipient,
        "amount": cents / CENTS,
        "description": description,
        "completedAt": "2025-01-15T11:15:02Z",
    }
    return json.dumps(message).encode()


def _v1(sender: str, recipient: str, cents: int) -> bytes:
    message = {
        "transactionId": str(ObjectId()),
        "type": "Transfer",
        "fromUserId": sender,
        "toUserId": recipient,
        "amount": cents // CENTS,
    }
    return json.dumps(message).encode()
