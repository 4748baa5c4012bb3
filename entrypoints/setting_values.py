"""The text of one setting -> its typed value.

Each function raises ValueError, whose text says what is wrong without repeating the value: an address with a password
may have been pasted into any setting.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

import iso4217
from pydantic import HttpUrl, TypeAdapter, ValidationError

from wallet_core.errors import InvalidAmount
from wallet_core.money import Currency, Money

RETRY_DELAYS_MAX = 10
"""Each delay is a queue of the broker for each source queue: ten delays are thirty queues, more than anyone watches."""

PARTITIONS_MAX = 16
"""Of one process: each is two more channels and prefetches; what one process can do is one partition's work or two."""

_PARTITION = re.compile(r"0|[1-9][0-9]{0,2}")
"""Three digits: docs/scaling.md makes it tens of partitions for 100,000 transfers a second."""

RETRY_DELAY_MS_MAX = 24 * 60 * 60 * 1000
"""A day. A message that waits longer than that belongs to a person, not to a timer."""

JWT_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a private key (RFC 7518, section 3.1). Never ``none``, never a MAC, whose key would be public."""

_DELAY_MS = re.compile(r"[1-9][0-9]{0,7}")
"""At most eight digits, checked before ``int`` reads them: RETRY_DELAY_MS_MAX has eight."""

PREFETCH_MAX = 65_535
"""AMQP 0-9-1 carries the prefetch count in 16 bits (basic.qos)."""

PREFETCH_BATCHES = 3
"""One batch in hand, one that is decided meanwhile, and one that arrives: no batch waits for the network."""

_PREFETCH = re.compile(r"[1-9][0-9]{0,4}")

LOCAL_FILE = "file:///"
"""A key set in a file, as ``wallet token`` writes one: for trying things out on one machine."""

ANY_ORIGIN = "*"
AUTO = "auto"
NONE = "none"

_HTTP_URL = TypeAdapter(HttpUrl)


def currency(code: str) -> Currency:
    """Find an ISO 4217 code and the number of decimals that the standard gives it."""
    try:
        known = iso4217.Currency(code)
    except ValueError:
        raise ValueError("ISO 4217 knows no such code") from None
    if known.exponent is None:
        raise ValueError("ISO 4217 gives this code no minor unit, so no amount of it can be exact")
    return Currency(code, known.exponent)


def opening_balance(text: str, unit: Currency) -> Money:
    """Read an amount of major units that is zero or more and exact in the currency's minor units."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if amount.is_zero():
        return Money(0, unit)
    try:
        return Money.from_major(amount, unit)
    except InvalidAmount as error:
        raise ValueError(str(error)) from None


def prefetch(text: str, batch_max: int) -> int:
    """Read ``auto``, or how many unsettled deliveries the broker may leave with us at once: at least a batch."""
    if text == AUTO:
        return PREFETCH_BATCHES * batch_max
    if not _PREFETCH.fullmatch(text) or int(text) > PREFETCH_MAX:
        raise ValueError("neither 'auto' nor a whole number that AMQP can carry")
    if int(text) < batch_max:
        raise ValueError(f"less than WALLET_BATCH_MAX, {batch_max}: no batch could ever fill")
    return int(text)


def log_level(text: str) -> str:
    """Read a level in any case; ``warn`` is what JavaScript's loggers call ``warning``."""
    level = text.strip().lower()
    return "warning" if level == "warn" else level


def key_set_url(text: str) -> str:
    """Read the address of a JSON Web Key Set. Nothing masks it, so it may hold no user name and no password."""
    if text.startswith(LOCAL_FILE):
        return text
    try:
        url = _HTTP_URL.validate_python(text)
    except ValidationError:
        raise ValueError("not an http, https or file address") from None
    if url.username is not None or url.password is not None:
        raise ValueError("holds a user name or a password")
    return text


def origins(text: str) -> tuple[str, ...]:
    """Read ``*``, or a comma-separated list of origins: scheme, host, perhaps a port, and nothing behind it."""
    listed = _items(text)
    if ANY_ORIGIN in listed:
        if len(listed) > 1:
            raise ValueError("'*' beside other origins: it would allow all of them")
        return listed
    for position, origin in enumerate(listed, start=1):
        if not _is_origin(origin):
            raise ValueError(
                f"item {position} is no origin: it is scheme and host in lower case, without a path or a final '/'"
            )
    return listed


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read ``none``, or a comma-separated list of networks in CIDR form."""
    if text.strip() == NONE:
        return ()
    found: list[IPv4Network | IPv6Network] = []
    for position, item in enumerate(_items(text), start=1):
        try:
            found.append(ip_network(item, strict=True))
        except ValueError:
            raise ValueError(f"item {position} is no network, or has bits set behind its prefix") from None
    return tuple(found)


def algorithms(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of signature algorithms, each with a public key."""
    listed = _items(text)
    for position, item in enumerate(listed, start=1):
        if item not in JWT_ALGORITHMS:
            raise ValueError(f"item {position} is not allowed")
    return listed


def delays_ms(text: str) -> tuple[int, ...]:
    """Read a comma-separated list of whole milliseconds, in the order in which they are waited."""
    listed = _items(text)
    if len(listed) > RETRY_DELAYS_MAX:
        raise ValueError(f"{len(listed)} delays are too many")
    for position, item in enumerate(listed, start=1):
        if not _DELAY_MS.fullmatch(item) or int(item) > RETRY_DELAY_MS_MAX:
            raise ValueError(f"item {position} is not a whole number of milliseconds from 1 to {RETRY_DELAY_MS_MAX}")
    return tuple(int(item) for item in listed)


def partitions(text: str) -> tuple[int, ...]:
    """Read ``none``, or a comma-separated list of partition numbers, each once."""
    if text.strip() == NONE:
        return ()
    listed = _items(text)
    if len(listed) > PARTITIONS_MAX:
        raise ValueError(f"{len(listed)} partitions are too many for one process")
    for position, item in enumerate(listed, start=1):
        if not _PARTITION.fullmatch(item):
            raise ValueError(f"item {position} is not a whole number from 0 to 999")
        if item in listed[: position - 1]:
            raise ValueError(f"item {position} is there twice")
    return tuple(int(item) for item in listed)


def _items(text: str) -> tuple[str, ...]:
    """Split a list at its commas. Spaces around an item are dropped; an empty item is refused as any other."""
    return tuple(item.strip() for item in text.split(","))


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port  # raises ValueError when it is no port
    except ValueError:
        return False
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{place}" if port is None else f"{parts.scheme}://{place}:{port}"
    return bool(host) and parts.scheme in {"http", "https"} and text == origin
