"""Write statements, and keep their pages under the wallet's seal.

::

    the wallet, read for this request ──> its head ──> kept under this head: the page as it was written
                                                └────> else: its entries are read, and the page is kept

People look at the same page again and again, and to read 50 entries takes seven times as long as to read a wallet.
A seal covers its entry with every field, and by the seal before it all entries before (``ledger.Entry.hash_after``):
so every page follows from the wallet's head. It is given again only while the wallet, read anew for each request, has
the very head under which it was kept. Money that moves makes another head: nothing has to be thrown away in time, and
no other process has to tell.

Pages of one kind or time are read each time: that none of their entries is missing cannot be seen in them.

Bounds: PAGES_BYTES_MAX in all; the page that was asked for least recently leaves first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from adapters.http.conditional import entity_tag
from adapters.http.representations import statement_json
from wallet_core.money import Currency
from wallet_core.ports import Reader, StatementQuery
from wallet_core.queries import Statement, balance, statement_of
from wallet_core.wallet import Wallet

PAGES_BYTES_MAX = 16 * 2**20
"""Most memory for pages that are kept, bytes. A page of 50 rows has 13 KB, so these are 1,200 of them; a tenth of what
a full process takes otherwise."""

PAGE_OVERHEAD_BYTES = 512
"""What a page takes beside its text, rounded up: two tuples, a seal, a tag, and a place in an ordered dict."""


class WrittenPage(NamedTuple):
    """A page as JSON, and its entity tag."""

    body: bytes
    tag: str


class Sealed(NamedTuple):
    """What a page follows from: the seal of the wallet's newest entry, and which rows are asked for, from ``first``."""

    wallet_id: str
    head_hash: bytes
    first: int
    limit: int


class StatementPages:
    """Gives pages of statements. One instance serves all requests."""

    def __init__(self, reader: Reader, currency: Currency, *, bytes_max: int = PAGES_BYTES_MAX) -> None:
        """Take the read side, and the currency of all amounts."""
        self._reader = reader
        self._currency = currency
        self._kept: OrderedDict[Sealed, WrittenPage] = OrderedDict()
        self._bytes_max = bytes_max
        self.bytes_kept = 0
        """Memory of all pages that are kept, bytes."""

    async def page(self, query: StatementQuery) -> WrittenPage | None:
        """
        Give a page; None when the user has no wallet.

        Raises StoreUnavailable; the wallet and its entries are two reads, each with its own time.
        """
        wallet = await balance(self._reader, query.user_id)
        if wallet is None:
            return None
        if query != StatementQuery(query.user_id, query.limit, query.before_sequence):
            return self._written(await statement_of(self._reader, wallet, query))
        first = wallet.version if query.before_sequence is None else min(wallet.version, query.before_sequence - 1)
        sealed = Sealed(wallet.id, wallet.head_hash, first, query.limit)
        return self._recalled(sealed) or await self._read(sealed, wallet, query)

    async def _read(self, sealed: Sealed, wallet: Wallet, query: StatementQuery) -> WrittenPage:
        page = await statement_of(self._reader, wallet, query)
        written = self._written(page)
        if _is_whole(page, sealed) and _has_head(page, wallet):
            self._keep(sealed, written)
        return written

    def _written(self, page: Statement) -> WrittenPage:
        body = bytes(memoryview(statement_json(page, self._currency)))  # the library leaves room behind its own
        return WrittenPage(body, entity_tag(body))

    def _recalled(self, sealed: Sealed) -> WrittenPage | None:
        page = self._kept.get(sealed)
        if page is not None:
            self._kept.move_to_end(sealed)
        return page

    def _keep(self, sealed: Sealed, page: WrittenPage) -> None:
        known = self._kept.pop(sealed, None)  # two that asked at once
        self.bytes_kept += _size(page) - (0 if known is None else _size(known))
        self._kept[sealed] = page
        while self.bytes_kept > self._bytes_max:
            _, oldest = self._kept.popitem(last=False)
            self.bytes_kept -= _size(oldest)


def _is_whole(page: Statement, sealed: Sealed) -> bool:
    """Tell whether no row is missing between, behind or before others: who has removed it may bring it back."""
    last = max(1, sealed.first - sealed.limit + 1)
    is_gapless = [entry.sequence for entry in page.entries] == list(range(sealed.first, last - 1, -1))
    return is_gapless and (page.next_cursor is not None) is (last > 1)


def _has_head(page: Statement, wallet: Wallet) -> bool:
    """Tell whether the newest entry, where the page has it, is the one that the wallet was sealed with."""
    newest = page.entries[0] if page.entries else None
    return newest is None or newest.sequence < wallet.version or newest.hash == wallet.head_hash


def _size(page: WrittenPage) -> int:
    return len(page.body) + PAGE_OVERHEAD_BYTES
