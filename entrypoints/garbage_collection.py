"""How often Python looks for cycles of garbage: seldom, because we make none worth looking for.

A batch of 3,000 transfers makes some 100,000 objects that live until it is settled, and are freed by their reference
counts then. With Python's own threshold of 700 new objects the collector walks over them again and again, and finds
nothing; that took a fifth of the time of a drain.
"""

from __future__ import annotations

import gc

NEW_OBJECTS_MAX = 100_000
"""New objects after which the youngest are looked at: about what a batch makes. More cost memory, and save no time."""

YOUNG_COLLECTIONS_MAX = 20
"""Collections of one generation after which the next older one is looked at too; Python's own is 10."""


def collect_garbage_seldom() -> None:
    """
    Set it for this process; what exists already (modules, wiring) is never looked at again.

    Without a last look at it: that holds up the first event for a twelfth of a second, to free 50 objects.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_MAX, YOUNG_COLLECTIONS_MAX, YOUNG_COLLECTIONS_MAX)
