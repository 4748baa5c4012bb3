"""
The rules of the wallet: pure, synchronous decisions over plain values, and the ports they need. Standard library only.

::

    money.py       Currency, Money: exact amounts
    commands.py    OpenWallet, Linked (Credit, Debit), Reverse: what the outside asks
    messages.py    message (dict) -> command; answer -> dict; both vocabularies
    fields.py      the fields of messages, one at a time
    body.py        bytes -> message, answer -> bytes
    wallet.py      Wallet: credit, debit, reverse; never below zero
    ledger.py      Entry and its hash chain; TransactionRecord and its states
    posting.py     plan() decides: requests become entries
    batch.py       post_all() loads, plans, stores, in one unit of work; look_ahead.py, the next one decided meanwhile
    records.py     how a transaction's record begins
    legacy.py      what the wallet service before ours has handled, or may have
    drafts.py      State that plan() starts from, Plan that it makes
    outcome.py     how a request ended
    settlement.py  what becomes of its delivery
    intake.py      a batch of deliveries in, outcomes and settlements out
    relay.py       answers from the outbox to the bus; fresh_answers.py, what our own process has just committed
    queries.py     balance and statement
    audit.py       do the books add up? with record_audit.py, the legal forms of a record, and
    leg_audit.py   its legs beside their entries, which leg_sums.py compares without a look at each
    explanation.py why did a transaction end so, and would it now? past.py, what is read for it;
    decisions.py   its record taken apart, with recorded_request.py;
    replay.py      each decision made again; reasons.py, the words and numbers
    ports.py       what the core needs from the outside
    policy.py      what a deployment decides
    events.py      TransactionFinalized
    errors.py      the tree of errors
    memory/        complete adapters in memory, for embedding and tests
    testing/       for tests of other projects: the whole service in memory, strategies, the suites of the ports
"""

from wallet_core.batch import post_all
from wallet_core.commands import (
    Carried,
    Credit,
    DeadLetterReason,
    Debit,
    Linked,
    OpenWallet,
    Refuse,
    Request,
    Reverse,
    SetAside,
)
from wallet_core.drafts import Plan, State
from wallet_core.errors import (
    BalanceLimitExceeded,
    ConcurrentUpdate,
    ConsumptionHalted,
    InsufficientFunds,
    InvalidAmount,
    LedgerCorrupted,
    PostingRefused,
    StoreRejected,
    StoreUnavailable,
    VersionConflict,
    WalletError,
    WalletSuspended,
)
from wallet_core.events import FinalStatus, TransactionFinalized, Vocabulary
from wallet_core.fresh_answers import FreshAnswers
from wallet_core.intake import BatchHalted, Delivery, Handled, Intake, LateSignups
from wallet_core.ledger import (
    Direction,
    Entry,
    EntryKind,
    Leg,
    SeenWallet,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)
from wallet_core.messages import Subject, finalized_message, message_id_of, request_of
from wallet_core.money import AMOUNT_MINOR_MAX, Currency, Money
from wallet_core.outcome import Outcome, OutcomeKind
from wallet_core.policy import Policy, Shortfall, Wire
from wallet_core.posting import plan
from wallet_core.queries import Statement, balance, statement, statement_of
from wallet_core.relay import Relay, Round
from wallet_core.settlement import Ack, DeadLetter, RetryAfter, Settlement, settlement_of
from wallet_core.wallet import Cause, SuspendedWallet, Wallet

__all__ = [
    "AMOUNT_MINOR_MAX",
    "Ack",
    "BalanceLimitExceeded",
    "BatchHalted",
    "Carried",
    "Cause",
    "ConcurrentUpdate",
    "ConsumptionHalted",
    "Credit",
    "Currency",
    "DeadLetter",
    "DeadLetterReason",
    "Debit",
    "Delivery",
    "Direction",
    "Entry",
    "EntryKind",
    "FinalStatus",
    "FreshAnswers",
    "Handled",
    "InsufficientFunds",
    "Intake",
    "InvalidAmount",
    "LateSignups",
    "LedgerCorrupted",
    "Leg",
    "Linked",
    "Money",
    "OpenWallet",
    "Outcome",
    "OutcomeKind",
    "Plan",
    "Policy",
    "PostingRefused",
    "Refuse",
    "Relay",
    "Request",
    "RetryAfter",
    "Reverse",
    "Round",
    "SeenWallet",
    "SetAside",
    "Settlement",
    "Shortfall",
    "State",
    "Statement",
    "StoreRejected",
    "StoreUnavailable",
    "Subject",
    "SuspendedWallet",
    "TransactionFinalized",
    "TransactionKind",
    "TransactionRecord",
    "TransactionState",
    "VersionConflict",
    "Vocabulary",
    "Wallet",
    "WalletError",
    "WalletSuspended",
    "Wire",
    "balance",
    "finalized_message",
    "message_id_of",
    "plan",
    "post_all",
    "request_of",
    "settlement_of",
    "statement",
    "statement_of",
]
