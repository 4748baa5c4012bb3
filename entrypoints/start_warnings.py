"""What is allowed but deserves a line in the log at each start."""

from __future__ import annotations

from entrypoints.settings import Settings

FAULTS_WANTED = (
    "WALLET_FAULT_INJECTION is on: this process may kill itself or stand still on purpose. It is for tests only: unset "
    "it, WALLET_CRASH_AT, WALLET_BLOCK_AT and WALLET_FAULT_HISTORY."
)


def start_warnings(settings: Settings) -> tuple[str, ...]:
    """Return the warnings that these settings deserve."""
    warnings = []
    balance = settings.initial_wallet_balance
    if balance.amount_minor:
        amount = f"{balance.major} {balance.currency.code}"
        warnings.append(
            f"INITIAL_WALLET_BALANCE makes money: each new wallet is opened with {amount}. Unset it unless you mean it."
        )
    if settings.wallet_fault_injection == "on":
        warnings.append(FAULTS_WANTED)
    return tuple(warnings)
