"""Reads events in dollars, as the intake does, into what a test expects them to be."""

from __future__ import annotations

from tests.scenario import USD, Event
from wallet_core import Linked, Request, Reverse, SetAside, request_of


def read(event: Event) -> Request | SetAside:
    """Read an event in dollars."""
    return request_of(event.subject, event.message, USD)


def read_linked(event: Event) -> Linked:
    """Read an event that becomes legs, or a refusal."""
    request = read(event)
    assert isinstance(request, Linked)
    return request


def read_reverse(event: Event) -> Reverse:
    """Read an event that takes back."""
    request = read(event)
    assert isinstance(request, Reverse)
    return request
