"""Tell which client a request comes from, for the rate limit: the peer, or what a trusted proxy says about it.

Behind the gateway every user has the gateway's address. When the peer is in a trusted network, the client is the last
hop of ``X-Forwarded-For``: the one that the trusted peer itself has added. Earlier hops are whatever the client wrote
there.

An IPv6 address counts as its /64: that is what one subscriber gets (RFC 6177), and all of it is free to use. An IPv4
address in IPv6 clothes (``::ffff:10.0.0.1``, as Node writes it) counts as the IPv4 address.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Network = IPv4Network | IPv6Network

NO_PEER = "local"
"""The client of a request without an address, as over a Unix socket: they all count as one."""

HOP_LENGTH_MAX = 64
"""Longest hop that is read, characters: an IPv6 address in brackets with zone and port has fewer."""

CACHE_SIZE = 4_096
"""Addresses whose reading is remembered: parsing one costs more than all the rest of the rate limit."""

_SUBSCRIBER_PREFIX = 64
_FORWARDED_FOR = b"x-forwarded-for"


class ClientAddresses:
    """Reads the client of a request. One instance serves all requests."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        """Take the networks whose word counts."""
        self._trusted = tuple(trusted_proxies)
        self._is_trusted = lru_cache(maxsize=CACHE_SIZE)(self._lies_in_a_trusted_network)
        self._named = lru_cache(maxsize=CACHE_SIZE)(_named)

    def client_of(self, scope: Scope) -> str:
        """Name the client."""
        peer: tuple[str, int] | None = scope.get("client")
        if peer is None:
            return NO_PEER
        if self._is_trusted(peer[0]):
            hop = _last_hop(scope["headers"])
            client = None if hop is None else self._named(hop)
            if client is not None:
                return client
        return self._named(peer[0]) or peer[0]

    def _lies_in_a_trusted_network(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._trusted)


def _last_hop(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Give the last hop of the last header of that name; None when there is none that could be an address."""
    for name, value in reversed(headers):
        if name == _FORWARDED_FOR:
            hop = value.rpartition(b",")[2].strip()
            return hop.decode("latin-1") if 0 < len(hop) <= HOP_LENGTH_MAX else None
    return None


def _named(host: str) -> str | None:
    address = _address(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _SUBSCRIBER_PREFIX), strict=False))
    return None if address is None else str(address)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with a port or in brackets as some proxies write it."""
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except (AddressValueError, ValueError):
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
