"""The reason why the service does not start."""

from __future__ import annotations


class StartRefused(Exception):
    """Something that waiting cannot heal; the text says what, and what to do. The process ends with exit code 2."""
