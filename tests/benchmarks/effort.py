"""How much is measured: all of it for the page, little of it to see in three minutes that nothing is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """
    Sizes of a run; ``is_full`` if it is the one for the page.

    ``runs`` is the number of rounds behind each median. ``readers`` users have a wallet with ``entries_each`` entries:
    these books are read over HTTP, and audited. ``endurance`` transfers are drained while memory is watched, and
    ``staged`` go through each stage by itself.
    """

    is_full: bool = True
    runs: int = 5
    transfers: int = 20_000
    wallets: int = 1_000
    wallets_many: int = 1_000_000
    latency_events: int = 200
    connections: int = 32
    read_s: float = 3.0
    readers: int = 1_000
    entries_each: int = 1_000
    entries_short: int = 1_000
    entries_long: int = 1_000_000
    endurance: int = 200_000
    curve_transfers: int = 10_000
    staged: int = 20_000
    staged_runs: int = 3

    @property
    def audited(self) -> int:
        """Entries of the audited books."""
        return self.readers * self.entries_each

    def sizes(self) -> Mapping[str, object]:
        """Give what the name of a row may say."""
        return {**asdict(self), "audited": self.audited}


FULL = Effort()
QUICK = Effort(
    is_full=False,
    runs=1,
    transfers=4_000,
    wallets_many=20_000,
    latency_events=30,
    read_s=1.0,
    readers=100,
    entries_each=100,
    entries_long=20_000,
    endurance=10_000,
    curve_transfers=2_000,
    staged=2_000,
    staged_runs=1,
)
