"""Messages that no neighbour should ever send, and what each must come to.

Numbers are written as raw JSON, for no encoder would write most of them. Every message has a transaction id of its own
and its name as message id, by which a dead letter is found again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pamqp.commands import Basic
from pamqp.common import FieldValue

from tests.e2e.deployment import new_id
from wallet_core import DeadLetterReason, Refuse, Subject

ZERO = Refuse("Invalid amount: must be greater than zero")
NOT_A_NUMBER = Refuse("Invalid amount: not a number")
DECIMALS = Refuse("Invalid amount: more than 2 decimal places")
TOO_MUCH = Refuse("Invalid amount: more than 10000000000000.00 USD")
NOBODY = Refuse("Invalid recipient")
SELF = Refuse("Cannot transfer to the same wallet")
KIND = Refuse("Unknown transaction type")

OPERATOR = '{"$gt": ""}'
NO_ID, TOO_LARGE = DeadLetterReason.NO_USABLE_ID, DeadLetterReason.TOO_LARGE

AMOUNTS = {
    "1e400": ("1e400", TOO_MUCH),
    "1e999999": ("1e999999", TOO_MUCH),
    "an exponent that no decimal holds": ("1e99999999999999999999", NOT_A_NUMBER),
    "an int of 5,000 digits": ("7" * 5_000, TOO_MUCH),
    "an int of 5,000 zeros": ("1" + "0" * 4_999, TOO_MUCH),
    "a fraction of 40 digits": ("0." + "3" * 40, DECIMALS),
    "a fraction below a cent": ("1e-999999", DECIMALS),
    "almost nothing, negative": ("-1e-999999", ZERO),
    "negative": ("-5", ZERO),
    "zero": ("0", ZERO),
    "minus zero": ("-0.00", ZERO),
    "three decimals": ("1.001", DECIMALS),
    "a minor unit too much": ("10000000000000.01", TOO_MUCH),
    "text": ('"100.00"', NOT_A_NUMBER),
    "a boolean": ("true", NOT_A_NUMBER),
    "null": ("null", NOT_A_NUMBER),
    "an array": ("[100]", NOT_A_NUMBER),
    "an operator": (OPERATOR, NOT_A_NUMBER),
}
"""Amounts that are none: raw JSON and the reason of the refusal."""

IDS = {
    "an operator": OPERATOR,
    "a regular expression": '{"$regex": ".*"}',
    "an array": '["507f1f77bcf86cd799439011"]',
    "a number": "507",
    "a boolean": "true",
    "null": "null",
    "empty": '""',
    "a blank": '"507f1f77bcf86cd79943901 "',
    "65 characters": json.dumps("a" * 65),
    "60,000 characters": json.dumps("a" * 60_000),
    "a NUL": '"a\\u0000b"',
    "half a character": '"\\ud800"',
    "digits of another script": '"\\u0665\\u0660\\u0667"',
}
"""Ids that are none, as raw JSON."""

NO_MESSAGES = {
    "empty": b"",
    "blank": b" \n",
    "not JSON": b"this is not JSON",
    "cut short": b'{"transactionId": "507f1f77',
    "not UTF-8": b'{"transactionId": "\xff\xfe"}',
    "an array": b'[{"transactionId": "507f1f77bcf86cd799439011"}]',
    "a string": b'"507f1f77bcf86cd799439011"',
    "a number": b"1e400",
    "null": b"null",
    "NaN": b'{"transactionId": "507f1f77bcf86cd799439011", "amount": NaN}',
    "Infinity": b'{"transactionId": "507f1f77bcf86cd799439011", "amount": -Infinity}',
    "deep arrays": b"[" * 60_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep, and closed": b'{"transactionId": "507f1f77bcf86cd799439011", "x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
}
"""Bodies in which there is nothing to act on."""

KINDS = {"unknown": '"refund"', "another spelling": '"TOPUP"', "an operator": OPERATOR, "null": "null", "a list": "[]"}

HEADERS: dict[str, dict[str, FieldValue]] = {
    "attempts of somebody else": {"x-wallet-attempts": 999_999, "x-wallet-first-seen": "long ago"},
    "attempts in words": {"x-wallet-attempts": "many", "x-wallet-source-queue": "transaction.created.q"},
    "negative attempts": {"x-wallet-attempts": -1, "x-wallet-routing-key": ""},
    "a history of dead-lettering": {"x-death": [{"queue": "wallet.update.q", "reason": "expired", "count": 10**9}]},
    "copies for others": {"CC": ["transaction.completed"], "BCC": ["user.signup"]},
    "nested": {"a": {"b": [{"c": [True, None, 1.5, "\x00"]}]}},
    "many and long": {f"h{number}": "x" * 1_000 for number in range(60)},
}


@dataclass(frozen=True, slots=True)
class HostileMessage:
    """One message, and its end: a refusal, a dead letter, or nothing at all (None)."""

    name: str
    subject: Subject
    body: bytes
    ends_as: Refuse | DeadLetterReason | None
    transaction_id: str = ""
    properties: Basic.Properties = field(default_factory=Basic.Properties)

    def sent_properties(self) -> Basic.Properties:
        """Give the properties to send it with: its own, persistent, and its name as message id."""
        sent = self.properties
        sent.message_id, sent.delivery_mode = self.name, 2
        return sent


def hostile_messages(rich: str, other: str) -> list[HostileMessage]:
    """Write all of them; ``rich`` has money that each of them is after."""
    return [
        *_without_a_message(),
        *_without_an_id(),
        *_amounts(rich),
        *_parties(rich, other),
        *_kinds(rich),
        *_versions(rich),
        *_properties(rich),
    ]


def _without_a_message() -> Iterator[HostileMessage]:
    for subject in Subject:
        for name, body in NO_MESSAGES.items():
            yield HostileMessage(f"{subject.value}: {name}", subject, body, NO_ID)
        yield HostileMessage(f"{subject.value}: 1 MB", subject, b'{"x": "' + b"x" * 1_000_000 + b'"}', TOO_LARGE)
        yield HostileMessage(f"{subject.value}: 64 KiB and a byte", subject, b" " * (64 * 1_024 + 1), TOO_LARGE)


def _without_an_id() -> Iterator[HostileMessage]:
    for name, raw in IDS.items():
        yield HostileMessage(f"signup of {name}", Subject.SIGNUP, f'{{"userId": {raw}}}'.encode(), NO_ID)
        yield HostileMessage(f"v1 signup of {name}", Subject.SIGNUP, f'{{"id": {raw}}}'.encode(), NO_ID)
        for subject in (Subject.COMPLETED, Subject.FAILED):
            body = f'{{"transactionId": {raw}, "type": "topup", "userId": "507f1f77bcf86cd799439011", "amount": 1}}'
            yield HostileMessage(f"{subject.value} of {name}", subject, body.encode(), NO_ID)


def _amounts(rich: str) -> Iterator[HostileMessage]:
    for name, (raw, reason) in AMOUNTS.items():
        for kind in ("topup", "TopUp"):
            yield _completed(f"{kind} of {name}", f'"type": "{kind}", "userId": "{rich}", "amount": {raw}', reason)
    yield _completed("no amount", f'"type": "topup", "userId": "{rich}"', NOT_A_NUMBER)


def _parties(rich: str, other: str) -> Iterator[HostileMessage]:
    for name, raw in IDS.items():
        yield _completed(f"top-up for {name}", f'"type": "topup", "userId": {raw}, "amount": 1', NOBODY)
        fields = f'"type": "transfer", "userId": "{rich}", "recipientId": {raw}, "amount": 1'
        yield _completed(f"transfer to {name}", fields, NOBODY)
        fields = f'"type": "Transfer", "fromUserId": {raw}, "toUserId": "{rich}", "amount": 1'
        yield _completed(f"v1 transfer from {name}", fields, NOBODY)
    fields = f'"type": "transfer", "userId": "{rich}", "recipientId": "{rich.upper()}", "amount": 1'
    yield _completed("to oneself", fields, SELF)
    fields = f'"type": "Transfer", "fromUserId": "{rich}", "toUserId": "{rich}", "amount": 1'
    yield _completed("v1 to oneself", fields, SELF)
    fields = f'"userId": "{rich}", "senderId": "{other}", "recipientId": "{other}", "type": "transfer", "amount": 1'
    yield _completed("two senders", fields, NOBODY)


def _kinds(rich: str) -> Iterator[HostileMessage]:
    for name, raw in KINDS.items():
        yield _completed(f"kind {name}", f'"type": {raw}, "userId": "{rich}", "amount": 1', KIND)
    unanswerable = f'{{"transactionId": "not-hex", "type": "TopUp", "userId": "{rich}", "amount": 1}}'.encode()
    yield HostileMessage("no v1 id", Subject.COMPLETED, unanswerable, DeadLetterReason.UNANSWERABLE_ID)
    yield HostileMessage(
        "a failure of nothing we know",
        Subject.FAILED,
        f'{{"transactionId": "{new_id()}", "amount": {{}}}}'.encode(),
        None,
    )


def _versions(rich: str) -> Iterator[HostileMessage]:
    for raw in ('"2.0"', "2", '"1.x"', "{}", '""'):
        fields = f'"type": "topup", "userId": "{rich}", "amount": 1, "version": {raw}'
        yield _completed(f"version {raw}", fields, DeadLetterReason.UNSUPPORTED_VERSION)


def _properties(rich: str) -> Iterator[HostileMessage]:
    fields = f'"type": "topup", "userId": "{rich}", "amount": 0'
    for name, headers in HEADERS.items():
        yield _completed(name, fields, ZERO, Basic.Properties(headers=headers))
    odd = Basic.Properties(
        content_type="image/png",
        priority=255,
        correlation_id="x" * 255,
        reply_to="nobody",
        timestamp=datetime(1970, 1, 1, tzinfo=UTC),
        message_type="user.signup",
        app_id="\x00",
    )
    yield _completed("odd properties", fields, ZERO, odd)
    yield _completed("said to be compressed", fields, NO_ID, Basic.Properties(content_encoding="gzip"))
    yield _completed(
        "short-lived", '"version": "9"', DeadLetterReason.UNSUPPORTED_VERSION, Basic.Properties(expiration="600000")
    )


def _completed(
    name: str, fields: str, ends_as: Refuse | DeadLetterReason, properties: Basic.Properties | None = None
) -> HostileMessage:
    transaction_id = new_id()
    body = f'{{"transactionId": "{transaction_id}", {fields}}}'.encode()
    return HostileMessage(name, Subject.COMPLETED, body, ends_as, transaction_id, properties or Basic.Properties())
