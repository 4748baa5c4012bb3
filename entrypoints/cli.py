"""The command ``wallet``: declares the commands; what they do is in ``commands/`` and ``demo/``.

Each imports what it does only when it is called: most need neither HTTP nor RabbitMQ, and help needs nothing at all.
"""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from entrypoints.command_line import WRONG_CALL, command_settings, exit_with
from entrypoints.dead_letters_cli import letters
from entrypoints.screen import fail
from wallet_core.messages import Subject

OLDER_THAN_S = 60
"""
When an answer has waited for too long, seconds: four leases of the relay.

An answer waits for a fifth of a second. When the relay's process is killed the next one takes over after its lease,
15 s, and then looks for the broker again after at most 10 s.
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(letters, name="dead-letters")


class Claims(StrEnum):
    """Which claims a development token carries."""

    DOCUMENTED = "documented"
    V1 = "v1"


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        from importlib.metadata import version

        typer.echo(f"wallet {version('wallet-service')}")
        raise typer.Exit


@app.callback()
def wallet(
    *,
    version_: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Open wallets, move money by events, answer balances over HTTP."""


def main() -> None:
    """Run the command line."""
    for library in ("aio_pika", "aiormq", "pymongo"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # a command says in its own words what went wrong
    app()


@app.command()
def run() -> None:
    """Serve HTTP, consume events and publish answers, in one process: the drop-in.

    Example: `DATABASE_URL=mongodb://localhost/mint_wallet RABBITMQ_URL=amqp://localhost wallet run`
    """
    _run_part("run")


@app.command()
def serve() -> None:
    """Serve HTTP alone, to scale apart.

    Example: `PORT=4013 wallet serve`
    """
    _run_part("serve")


@app.command()
def consume() -> None:
    """Consume events and publish answers alone, to scale apart. Health and metrics are on PORT.

    Example: `PORT=4023 wallet consume`
    """
    _run_part("consume")


@app.command()
def demo(
    *,
    exit_: Annotated[bool, typer.Option("--exit", help="End after the story: 0 only if all came as told.")] = False,
    data: Annotated[
        Path | None, typer.Option(file_okay=False, help="Keep the data of the servers in this folder.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the HTTP server; 0 takes a free one.")] = 4003,
) -> None:
    """Start private servers and the service, play the neighbours, and show what happens.

    Examples: `wallet demo` · `wallet demo --exit` · `wallet demo --data ./demo-data`
    """
    from entrypoints.demo.show import show  # needs the extra 'embedded', which no deployment has

    exit_with(show(exits=exit_, data=data, port=port))


@app.command()
def migrate(
    *,
    transactions_url: Annotated[
        str | None,
        typer.Option(envvar="TRANSACTIONS_URL", help="Database of v1's transactions: `mongodb://.../mint_txns`."),
    ] = None,
    v1_stopped_at: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="When v1's wallet ended: what was created later it cannot have applied."),
    ] = None,
    without_transactions: Annotated[
        bool, typer.Option("--without-transactions", help="Go on without knowing what v1 had applied.")
    ] = False,
) -> None:
    """Take over what v1 left: its transactions as known ones, its wallets with their balance. Repeat it as you like.

    Prints what was recorded, adopted and rounded, and what is left for a person (exit 1).

    Example: `TRANSACTIONS_URL=mongodb://... DATABASE_URL=... wallet migrate --v1-stopped-at 2026-11-22T14:00:00Z`
    """
    from entrypoints.commands import migrate as command

    settings = command_settings()
    try:
        knowledge = command.v1_knowledge(transactions_url, v1_stopped_at, is_waived=without_transactions)
    except command.BadOption as error:
        fail(str(error))
        raise typer.Exit(WRONG_CALL) from None
    exit_with(command.migrate(settings, knowledge))


@app.command()
def undecided(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Those that the verdict is about.")] = None,
    *,
    applied: Annotated[
        bool | None, typer.Option("--applied/--not-applied", help="Whether v1 has applied them.")
    ] = None,
) -> None:
    """List the transactions that v1 may have applied, or say of some whether it has. The service may run meanwhile.

    Examples: `wallet undecided` · `wallet undecided --not-applied 507f1f77bcf86cd799439014 507f1f77bcf86cd799439015`
    """
    from entrypoints.commands import undecided as command

    if bool(ids) != (applied is not None):
        fail("Say both: which ids, and --applied or --not-applied. Neither lists them.")
        raise typer.Exit(WRONG_CALL)
    exit_with(command.undecided(command_settings(), ids or [], is_applied=bool(applied)))


@app.command()
def publish(
    key: Annotated[Subject, typer.Argument(help="Routing key.")],
    field: Annotated[
        list[str] | None, typer.Option(help="`name=text`, or `name:=json`. `amount=12.50` is a number. Repeat it.")
    ] = None,
) -> None:
    """Send one event as a neighbour would. A missing id is drawn.

    Example: `wallet publish transaction.completed --field type=topup --field userId=507f1f77bcf86cd799439011
    --field amount=12.50`
    """
    from entrypoints.commands import publish as command

    settings = command_settings()
    try:
        body = command.event_body(key, field or [])
    except command.BadField as error:
        fail(str(error))
        raise typer.Exit(WRONG_CALL) from None
    exit_with(command.publish(settings, key, body))


@app.command()
def token(
    user: Annotated[str, typer.Option(help="Id of the user that the token is for.")],
    key: Annotated[Path, typer.Option(help="Private key; made if missing.")] = Path("wallet-development-key.pem"),
    claims: Annotated[Claims, typer.Option(help="Where the user's id stands.")] = Claims.DOCUMENTED,
    lifetime_s: Annotated[int, typer.Option(min=1, max=31_536_000, help="Seconds until it expires.")] = 3_600,
) -> None:
    """Print a token for trying things out, signed with a local key.

    Example: `curl -H "Authorization: Bearer $(wallet token --user 507f1f77bcf86cd799439011)"
    localhost:4003/api/v1/wallet/user`
    """
    from entrypoints.commands import token as command

    raise typer.Exit(command.token(command_settings(), user, key, claims.value, lifetime_s))


@app.command()
def audit() -> None:
    """Recompute every balance from its entries and every transaction from its state; print what does not fit.

    Works beside a running service. Exit 1 if anything does not fit.

    Example: `DATABASE_URL=... wallet audit`
    """
    from entrypoints.commands import audit as command

    exit_with(command.audit(command_settings()))


@app.command()
def explain(
    transaction_id: Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="As its producer writes it.")],
) -> None:
    """Say why a transaction was applied or refused, with the numbers used, and decide it again by the rules of now.

    Type it with the settings of the service: they are part of the rules. Reads only, beside a running service. Exit 0
    if it would end as it did, 1 if not, or if nobody can tell.

    Example: `DATABASE_URL=... wallet explain 507f1f77bcf86cd799439014`
    """
    from entrypoints.commands import explain as command

    exit_with(command.explain(command_settings(), transaction_id))


@app.command()
def outbox(
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="List at most so many answers, oldest first.")] = 100,
    older_than_s: Annotated[
        int, typer.Option(min=0, help="Exit 1 if the oldest has waited for longer, in seconds.")
    ] = OLDER_THAN_S,
) -> None:
    """Show which answers are not published yet, since when, and which process is to publish them.

    Exit 0 if there is none, or none that has waited for too long; 1 otherwise.

    Example: `DATABASE_URL=... wallet outbox`
    """
    from entrypoints.commands import outbox as command

    exit_with(command.outbox(command_settings(), limit, older_than_s))


def _run_part(name: str) -> None:
    from entrypoints.commands import run as command
    from entrypoints.log import configure_log
    from entrypoints.service import Part

    settings = command_settings()
    configure_log(settings.log_level, settings.wallet_log_format)
    exit_code = command.run(settings, Part(name))
    logging.shutdown()
    sys.stdout.flush()
    # Not by an ordinary exit: that joins the driver's threads and the tasks left on the loop, and one that waits for a
    # database that hangs waits up to 20 s, far beyond the grace time. Nothing is lost: what matters is with the broker,
    # in the books and in the log.
    os._exit(exit_code)
