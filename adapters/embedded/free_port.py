"""Find loopback ports for private servers.

Shape: three functions. Bounds: at most ``_TRIES_MAX`` ports are looked at. A port is free when it was tried, it is not
reserved: a server that loses the race fails to start.
"""

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"

# Below the ports that Linux gives to outgoing connections (ip_local_port_range starts at 32768). In that range a client
# that keeps reconnecting to a killed server can be given the server's port as its own, connect to itself and keep the
# server from coming back.
_FIRST_PORT = 20_000
_LAST_PORT = 32_767
_TRIES_MAX = 200


def free_ports(count: int) -> tuple[int, ...]:
    """Return ``count`` different loopback TCP ports on which nobody listens.

    Raises ``OSError`` if too few of the ports that were tried are free.
    """
    found: list[int] = []
    with ExitStack() as held:  # all are held until the last is found, so none is found twice
        # Random, so that test runs beside each other look in different places.
        for port in random.SystemRandom().sample(range(_FIRST_PORT, _LAST_PORT + 1), _TRIES_MAX):
            if len(found) == count:
                break
            if _bind(held.enter_context(socket.socket()), port):
                found.append(port)
    if len(found) < count:
        message = f"found {len(found)} of {count} free ports among {_TRIES_MAX} in {_FIRST_PORT}-{_LAST_PORT}"
        raise OSError(message)
    return tuple(found)


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now; old connections that still close do not matter."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bind(candidate, port)


def is_listening(port: int, timeout_s: float) -> bool:
    """Say whether something accepts TCP connections on this loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def _bind(candidate: socket.socket, port: int) -> bool:
    try:
        candidate.bind((LOOPBACK, port))
    except OSError:
        return False
    return True
