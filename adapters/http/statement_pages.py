"""Write statements, and keep the newest page of a wallet under the wallet's seal.

::

    the wallet, read for this request ──> its head ──> kept under this head: the page as it was written
                                                └────> else: the entries are read, and the page is kept

People look at their newest page again and again, and to read 50 entries takes seven times as long as to read a wallet.
A seal covers its entry with every field, and by the seal before it all entries before (``ledger.Entry.hash_after``):
so the newest page follows from the wallet's head. It is given again only while the wallet, read anew for each request,
has the very head under which it was kept. Money that moves makes another head: nothing has to be thrown away in time,
and no other process has to tell.

Bounds: PAGES_BYTES_MAX in all; the page that was asked for least recently leaves first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from adapters.http.conditional import entity_tag
from adapters.http.representations import statement_json
from wallet_core.money import Currency
from wallet_core.ports import Reader, StatementQuery
from wallet_core.queries import Statement, balance, statement

PAGES_BYTES_MAX = 16 * 2**20
"""Most memory for pages that are kept, bytes. A page of 50 rows has 13 KB, so these are 1,200 of them; a tenth of what
a full process takes otherwise."""

PAGE_OVERHEAD_BYTES = 512
"""What a page takes beside its text, rounded up: two tuples, a seal, a tag, and a place in an ordered dict."""


class WrittenPage(NamedTuple):
    """A page as JSON, and its entity tag."""

    body: bytes
    tag: str


class Head(NamedTuple):
    """What the newest page of ``limit`` rows follows from: the newest entry's seal."""

    wallet_id: str
    head_hash: bytes
    limit: int


class StatementPages:
    """Gives pages of statements. One instance serves all requests."""

    def __init__(self, reader: Reader, currency: Currency, *, bytes_max: int = PAGES_BYTES_MAX) -> None:
        """Take the read side, and the currency of all amounts."""
        self._reader = reader
        self._currency = currency
        self._kept: OrderedDict[Head, WrittenPage] = OrderedDict()
        self._bytes_max = bytes_max
        self.bytes_kept = 0
        """Memory of all pages that are kept, bytes."""

    async def page(self, query: StatementQuery) -> WrittenPage | None:
        """
        Give a page; None when the user has no wallet.

        Raises StoreUnavailable; a newest page is two reads, each with its own time.
        """
        if query == StatementQuery(query.user_id, query.limit):
            return await self._newest(query)
        page = await statement(self._reader, query)
        return None if page is None else self._written(page)

    async def _newest(self, query: StatementQuery) -> WrittenPage | None:
        wallet = await balance(self._reader, query.user_id)
        if wallet is None:
            return None
        kept = self._recalled(Head(wallet.id, wallet.head_hash, query.limit))
        if kept is not None:
            return kept
        page = await statement(self._reader, query)
        if page is None:
            return None
        written = self._written(page)
        if _is_whole(page):  # under its own head: the wallet may have another one by now
            self._keep(Head(page.entries[0].wallet_id, page.entries[0].hash, query.limit), written)
        return written

    def _written(self, page: Statement) -> WrittenPage:
        body = bytes(memoryview(statement_json(page, self._currency)))  # the library leaves room behind its own
        return WrittenPage(body, entity_tag(body))

    def _recalled(self, head: Head) -> WrittenPage | None:
        page = self._kept.get(head)
        if page is not None:
            self._kept.move_to_end(head)
        return page

    def _keep(self, head: Head, page: WrittenPage) -> None:
        known = self._kept.pop(head, None)  # two that asked at once
        self.bytes_kept += _size(page) - (0 if known is None else _size(known))
        self._kept[head] = page
        while self.bytes_kept > self._bytes_max:
            _, oldest = self._kept.popitem(last=False)
            self.bytes_kept -= _size(oldest)


def _is_whole(page: Statement) -> bool:
    """Tell whether a page has rows, and none is missing between or behind them: who removed it may bring it back."""
    if not page.entries:
        return False
    first, last = page.entries[-1].sequence, page.entries[0].sequence
    return last - first == len(page.entries) - 1 and (page.next_cursor is not None or first == 1)


def _size(page: WrittenPage) -> int:
    return len(page.body) + PAGE_OVERHEAD_BYTES
