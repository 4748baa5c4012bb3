"""Where an event has ended: whether its effect stands in the books."""

from __future__ import annotations

from tests.scenario import USD
from tests.simulation.workload import Sent
from wallet_core import (
    Linked,
    OpenWallet,
    SetAside,
    TransactionState,
    request_of,
)
from wallet_core.memory import MemoryStore

FAILED_FOR_GOOD = {TransactionState.VOID, TransactionState.REFUSED, TransactionState.REVERSED}


def is_in_books(sent: Sent, store: MemoryStore) -> bool:
    """
    Tell whether an event needs no copy any more, because the books say what it says.

    A signup: the wallet is open. A ``completed``: a record has its fingerprint. A ``failed``: its transaction has no
    effect and will never have one, or is due and names the dead letter that says so.
    """
    if isinstance(sent.message, SetAside):
        return False
    request = request_of(sent.subject, sent.message, USD)
    if isinstance(request, SetAside):
        return False
    if isinstance(request, OpenWallet):
        return any(wallet.user_id == request.user_id for wallet in store.wallets())
    record = next((record for record in store.transactions() if record.id == request.transaction_id), None)
    if record is None:
        return False
    if isinstance(request, Linked):
        return record.fingerprint == request.fingerprint
    return record.state in FAILED_FOR_GOOD or record.dead_letter_id is not None
