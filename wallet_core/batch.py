"""A batch: what its requests touch is loaded, decided on (``posting.py``) and stored, all in one unit of work.

Bounds: two reads and at most six bulk writes for a unit of work, whatever the number of requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wallet_core.commands import OpenWallet, Request, Reverse
from wallet_core.drafts import Plan, State
from wallet_core.ledger import TransactionRecord, TransactionState
from wallet_core.outcome import Outcome
from wallet_core.policy import Policy
from wallet_core.ports import Books, Clock, PendingRow, UnitOfWork
from wallet_core.posting import plan

NOTHING_KNOWN = State({}, {})
"""For a batch about which the books must be asked everything."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A batch that is committed: by which plan, at which try, and with which row of the outbox for its answers."""

    plan: Plan
    tries: int
    row: PendingRow | None


async def post_all(requests: Sequence[Request], uow: UnitOfWork, clock: Clock, policy: Policy) -> tuple[Outcome, ...]:
    """
    Load what the requests touch, plan, store: all in one unit of work, which is committed when this returns.

    Raises what ``UnitOfWork.run`` raises; then nothing may be settled.
    """
    posted = await post(requests, uow, clock, policy)
    return posted.plan.outcomes


async def post(  # noqa: PLR0913 - as ``post_all``, and what looking ahead adds to it
    requests: Sequence[Request],
    uow: UnitOfWork,
    clock: Clock,
    policy: Policy,
    *,
    ahead: Plan | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> Posted:
    """
    Post as ``post_all`` does; the first try stores ``ahead``, a plan for these requests, if there is one.

    ``on_plan`` hears of each plan before it is stored. Raises what ``UnitOfWork.run`` raises.
    """
    now = clock.now()
    tries = 0

    async def work(books: Books) -> Posted:
        nonlocal tries
        tries += 1
        made = ahead if tries == 1 else None
        if made is None:
            made = plan(requests, await load(requests, books), policy, now)
        if on_plan is not None:
            on_plan(made)
        return Posted(made, tries, await _store(made, books))

    return await uow.run(work)


async def load(requests: Sequence[Request], books: Books, known: State = NOTHING_KNOWN) -> State:
    """
    Read what the requests touch, but what is ``known`` already. Raises StoreUnavailable, ConcurrentUpdate.

    The records first: what is recorded needs no wallet, unless it is to be reversed.
    """
    transaction_ids = {request.transaction_id for request in requests if not isinstance(request, OpenWallet)}
    records = {id_: known.transactions[id_] for id_ in transaction_ids & known.transactions.keys()}
    if unknown_ids := transaction_ids - records.keys():
        records.update(await books.journal.get_transactions(unknown_ids))
    user_ids = _users_of(requests, records)
    wallets = {user_id: known.wallets[user_id] for user_id in user_ids & known.wallets.keys()}
    if unknown_users := user_ids - wallets.keys():
        wallets.update(await books.wallets.get_many(unknown_users))
    return State(wallets, records)


def _users_of(requests: Sequence[Request], records: dict[str, TransactionRecord]) -> set[str]:
    """Give the users whose wallets the requests are about."""
    user_ids: set[str] = set()
    for request in requests:
        if isinstance(request, OpenWallet):
            user_ids.add(request.user_id)
        elif isinstance(request, Reverse):
            user_ids.update(_to_reverse(records.get(request.transaction_id)))
        elif request.transaction_id not in records:
            user_ids.update(leg.user_id for leg in request.legs)
    return user_ids


def _to_reverse(record: TransactionRecord | None) -> set[str]:
    if record is None or record.state is TransactionState.REVERSED:
        return set()
    return {leg.user_id for leg in record.legs}


async def _store(made: Plan, books: Books) -> PendingRow | None:
    """Write the guarded documents first, so that a lost race shows before anything else is sent."""
    if made.wallets_changed:
        await books.wallets.change_many(made.wallets_changed)
    if made.wallets_opened:
        await books.wallets.open_many(made.wallets_opened)
    if made.records_changed:
        await books.journal.change_many(made.records_changed)
    if made.records_new:
        await books.journal.record_many(made.records_new)
    if made.entries:
        await books.journal.append_many(made.entries)
    if not made.answered:
        return None
    return await books.outbox.add(made.answered)
