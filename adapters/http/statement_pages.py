"""Write statements, and keep their pages under the wallet's seal.

::

    the wallet, read for this request ──> its head ──> kept under this head: the page as it was written
                                                ├────> kept under an older one: the entries since are read, and if they
                                                │      lead from that head to this one, it is brought up to date
                                                └────> else: its entries are read, and the page is kept

People look at the same page again and again, mostly after a transfer or two, and to read 50 entries takes seven times
as long as to read a wallet. A seal covers its entry with every field, and by the seal before it all entries before
(``ledger.Entry.hash_after``): so every page follows from the wallet's head. It is given again only if the wallet, read
anew for each request, has the very head under which it was kept, or one that this head leads to. Nothing has to be
thrown away in time, and no other process has to tell.

Pages of one kind or time are read each time: that none of their entries is missing cannot be seen in them.

Bounds: PAGES_BYTES_MAX in all; the page that was asked for least recently leaves first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from adapters.http.conditional import entity_tag
from adapters.http.representations import page_json, row_json
from wallet_core.ledger import Entry, head_after
from wallet_core.money import Currency
from wallet_core.ports import Reader, StatementQuery
from wallet_core.queries import Statement, balance, statement_of
from wallet_core.wallet import Wallet

PAGES_BYTES_MAX = 16 * 2**20
"""Most memory for pages that are kept, bytes. A page of 50 rows has 16 KB, so these are 1,000 of them; a tenth of what
a full process takes otherwise."""

PAGE_OVERHEAD_BYTES = 512
"""What a page takes beside its rows, rounded up: three tuples, a seal, a tag, and a place in an ordered dict."""

ROW_OVERHEAD_BYTES = 64
"""What a row takes beside its text, rounded up: the head of a bytes object, its alignment, and a place in a tuple."""


class WrittenPage(NamedTuple):
    """A page as JSON, and its entity tag."""

    body: bytes
    tag: str


class Place(NamedTuple):
    """Which page of a wallet it is: at most ``limit`` rows, of entry ``first`` and older ones; None is the newest."""

    wallet_id: str
    first: int | None
    limit: int


class KeptPage(NamedTuple):
    """A page as it was under one head of its wallet: ``version`` and seal of the newest entry, rows as JSON."""

    version: int
    head_hash: bytes
    rows: tuple[bytes, ...]
    next_cursor: int | None
    tag: str

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return PAGE_OVERHEAD_BYTES + len(self.rows) * ROW_OVERHEAD_BYTES + sum(map(len, self.rows))

    def written(self) -> WrittenPage:
        """Give it as it is sent."""
        return WrittenPage(page_json(self.rows, self.next_cursor), self.tag)


class StatementPages:
    """Gives pages of statements. One instance serves all requests."""

    def __init__(self, reader: Reader, currency: Currency, *, bytes_max: int = PAGES_BYTES_MAX) -> None:
        """Take the read side, and the currency of all amounts."""
        self._reader = reader
        self._currency = currency
        self._kept: OrderedDict[Place, KeptPage] = OrderedDict()
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
            return self._page_of(await statement_of(self._reader, wallet, query), wallet).written()
        place = _place(wallet, query)
        kept = self._recalled(place)
        if kept is not None and kept.head_hash == wallet.head_hash:
            return kept.written()
        page = None if kept is None else await self._brought_up_to_date(place, kept, wallet, query.user_id)
        return (page or await self._read(place, wallet, query)).written()

    async def _brought_up_to_date(self, place: Place, kept: KeptPage, wallet: Wallet, user_id: str) -> KeptPage | None:
        """Give a page under the head that its wallet has by now; None where it must be read, or that is as cheap."""
        count = wallet.version - kept.version
        if not 0 < count <= place.limit // 2:
            return None
        since = await self._reader.entries(wallet, StatementQuery(user_id, count))
        if head_after(kept.head_hash, reversed(since)) != wallet.head_hash:
            return None
        page = kept._replace(version=wallet.version, head_hash=wallet.head_hash)
        if place.first is None:
            rows = (*self._rows(since), *kept.rows)[: place.limit]
            last = wallet.version - len(rows) + 1
            page = page._replace(rows=rows, next_cursor=last if last > 1 else None)
            page = page._replace(tag=entity_tag(page.written().body))
        self._keep(place, page)
        return page

    async def _read(self, place: Place, wallet: Wallet, query: StatementQuery) -> KeptPage:
        statement = await statement_of(self._reader, wallet, query)
        page = self._page_of(statement, wallet)
        if _is_whole(statement, place, wallet) and _has_head(statement, wallet):
            self._keep(place, page)
        return page

    def _page_of(self, statement: Statement, wallet: Wallet) -> KeptPage:
        rows, next_cursor = self._rows(statement.entries), statement.next_cursor
        tag = entity_tag(page_json(rows, next_cursor))
        return KeptPage(wallet.version, wallet.head_hash, rows, next_cursor, tag)

    def _rows(self, entries: Sequence[Entry]) -> tuple[bytes, ...]:
        return tuple([row_json(entry, self._currency) for entry in entries])

    def _recalled(self, place: Place) -> KeptPage | None:
        page = self._kept.get(place)
        if page is not None:
            self._kept.move_to_end(place)
        return page

    def _keep(self, place: Place, page: KeptPage) -> None:
        former = self._kept.pop(place, None)
        self.bytes_kept += page.size_bytes - (0 if former is None else former.size_bytes)
        self._kept[place] = page
        while self.bytes_kept > self._bytes_max:
            _, oldest = self._kept.popitem(last=False)
            self.bytes_kept -= oldest.size_bytes


def _place(wallet: Wallet, query: StatementQuery) -> Place:
    """Tell which page is asked for; whatever cursor lies beyond the newest entry asks for the newest page."""
    cursor = query.before_sequence
    if cursor is None or cursor > wallet.version:
        return Place(wallet.id, None, query.limit)
    return Place(wallet.id, cursor - 1, query.limit)


def _is_whole(page: Statement, place: Place, wallet: Wallet) -> bool:
    """Tell whether no row is missing between, behind or before others: who has removed it may bring it back."""
    first = wallet.version if place.first is None else place.first
    last = max(1, first - place.limit + 1)
    is_gapless = [entry.sequence for entry in page.entries] == list(range(first, last - 1, -1))
    return is_gapless and (page.next_cursor is not None) is (last > 1)


def _has_head(page: Statement, wallet: Wallet) -> bool:
    """Tell whether the newest entry, where the page has it, is the one that the wallet was sealed with."""
    newest = page.entries[0] if page.entries else None
    return newest is None or newest.sequence < wallet.version or newest.hash == wallet.head_hash
