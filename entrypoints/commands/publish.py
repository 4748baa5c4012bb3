"""``wallet publish``: send one event as a neighbour would."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

import orjson

from adapters.rabbitmq.connection import BROKER_ERRORS, described
from adapters.rabbitmq.event_publisher import NotPublished, event_publisher
from adapters.rabbitmq.topology import Topology
from entrypoints.screen import fail, print_plain
from entrypoints.settings import Settings
from wallet_core.messages import Subject

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""RFC 8259, section 6."""


class BadField(Exception):
    """A ``--field`` that cannot be understood."""


def event_body(subject: Subject, fields: Sequence[str]) -> bytes:
    """
    Build the event's JSON from ``name=text`` and ``name:=json``; ``amount=12.50`` is a number with these digits.

    A missing id is drawn, as the neighbour would have drawn one. Raises BadField.
    """
    id_name = "userId" if subject is Subject.SIGNUP else "transactionId"
    message: dict[str, object] = {id_name: secrets.token_hex(12)}
    for field in fields:
        name, value = _pair(field)
        message[name] = value
    if subject is Subject.SIGNUP and "id" in message:
        del message["userId"]
    return orjson.dumps(message)


async def publish(settings: Settings, subject: Subject, body: bytes) -> int:
    """Send it and say what was sent."""
    try:
        topology = Topology(settings.wallet_exchange_type, settings.wallet_retry_delays_ms, settings.wallet_partitions)
        async with event_publisher(settings.rabbitmq_url.reveal(), topology) as publisher:
            await publisher.publish(subject, body)
    except BROKER_ERRORS as error:
        fail(f"RabbitMQ at {settings.rabbitmq_url.redacted} cannot be reached ({described(error)}): see RABBITMQ_URL")
        return 2
    except NotPublished as error:
        fail(str(error))
        return 1
    print_plain(f"{subject.value} {body.decode()}")
    return 0


def _pair(field: str) -> tuple[str, object]:
    name, separator, text = field.partition("=")
    if not separator or not name.rstrip(":"):
        raise BadField(f"--field {field!r} is no name=value")
    if name.endswith(":"):
        return name[:-1], _json(field, text)
    if name == "amount" and _JSON_NUMBER.fullmatch(text):
        return name, orjson.Fragment(text)
    return name, text


def _json(field: str, text: str) -> orjson.Fragment:
    """Keep the text as it is, digits of numbers included, once it is known to be JSON."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadField(f"--field {field!r}: what follows := is no JSON ({error.msg})") from None
    return orjson.Fragment(text)
