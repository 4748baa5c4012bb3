"""The names of settings in an environment: which of them contradict each other, are unknown, or are somebody else's.

A setting may have a second name. An unknown ``WALLET_`` name is an error, so that a typing mistake cannot pass for a
default; all other names are no concern of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from entrypoints.configuration_page import SettingRow
from entrypoints.settings_error import SettingProblem

OUR_PREFIX = "WALLET_"

TEST_PREFIX = "WALLET_TEST_"
"""Read by the tests only, such as WALLET_TEST_RABBITMQ_URL; a service that they start inherits them."""

_SERVICE_LINK_NAME = re.compile(r"WALLET_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")
"""Kubernetes and Docker links put such variables into every container beside a service named ``wallet``."""


def contradictions(rows: Sequence[SettingRow], environ: Mapping[str, str]) -> Iterator[SettingProblem]:
    """Give the settings of which two names are set, to different values."""
    for row in rows:
        names = [name for name in row.names if environ.get(name)]
        if len({environ[name] for name in names}) > 1:
            yield SettingProblem(" and ".join(names), "both are set, and differ", f"Keep {names[0]}, unset the other.")


def unknown_names(rows: Sequence[SettingRow], environ: Mapping[str, str]) -> Iterator[SettingProblem]:
    """Give the ``WALLET_`` names that no setting has, each with the one that was probably meant."""
    known = {name.removeprefix(OUR_PREFIX): name for row in rows for name in row.names}
    for name in sorted(environ):
        if not name.startswith(OUR_PREFIX) or name in known.values() or _is_foreign(name, environ[name]):
            continue
        close = get_close_matches(name.removeprefix(OUR_PREFIX), known, n=1)
        remedy = f"Did you mean {known[close[0]]}?" if close else "docs/configuration.md lists those that exist."
        yield SettingProblem(name, "there is no such setting", remedy)


def _is_foreign(name: str, value: str) -> bool:
    """Tell whether somebody else put this ``WALLET_`` variable here: the tests, or the platform."""
    if name.startswith(TEST_PREFIX):
        return True
    return bool(_SERVICE_LINK_NAME.fullmatch(name) or _SERVICE_LINK_VALUE.match(value))
