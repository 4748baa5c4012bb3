"""Whether entries and the legs of transactions are the same facts: sums that cancel out, instead of a look for each.

Every entry adds the hash of its facts to one of ``BUCKETS`` sums, chosen by its transaction; every leg takes away the
hash of what its entry must say. Where a sum is not zero in the end, some entry of these transactions is missing, too
many, or other than its leg says: only those transactions need a look of their own. The order does not matter.

Bounds: BUCKETS numbers, whatever the size of the books. A sum of 64-bit hashes that is zero by chance hides an error
once in 10^19 times; against somebody who forges both sides no sum helps, and neither does a look at both.
"""

from __future__ import annotations

from wallet_core.leg_audit import EntryFacts

BUCKETS = 16_384
"""One error leads to a look at this fraction of the transactions; 1 MB."""


class LegSums:
    """The sums of one audit."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._sums = [0] * BUCKETS

    def posted(self, facts: EntryFacts) -> None:
        """Add an entry that there is."""
        self._sums[hash(facts[0]) % BUCKETS] += hash(facts)

    def recorded(self, facts: EntryFacts) -> None:
        """Take away an entry that a transaction has among its legs."""
        self._sums[hash(facts[0]) % BUCKETS] -= hash(facts)

    @property
    def has_suspects(self) -> bool:
        """Whether anything is left over."""
        return any(self._sums)

    def is_suspect(self, transaction_id: str) -> bool:
        """Tell whether a transaction is among those of which something is left over."""
        return self._sums[hash(transaction_id) % BUCKETS] != 0
