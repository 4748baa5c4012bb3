"""What the consumer is doing, for readiness."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """
    What readiness shows. ``reason`` says why we do not consume, in words for a person.

    ``refused`` counts deliveries that stay unacked because the broker does not take what takes their place.
    """

    connected: bool
    consuming: bool
    halted: bool
    reason: str | None
    refused: int = 0
