"""What the other team does not have: the servers. Here its tests get a real ``wallet run`` on RabbitMQ and MongoDB.

Two times are shorter than a deployment's, so that a test need not wait a minute for ``Wallet not found``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.embedded.rabbitmq import RabbitMQ
from tests.e2e.books import Document
from tests.e2e.deployment import Site, deployed
from tests.embedding.transactions_service.tests.real_wallet import WalletAddress
from tests.fixtures.rabbitmq import virtual_host

PATIENCE = {"WALLET_RETRY_DELAYS_MS": "400,1000,5000"}
"""What comes late in a test comes soon, or within the last delay on the slowest machine; then it is refused."""

GROWN_UP = "import adapters.rabbitmq.late_signups as late_signups; late_signups.YOUNG_S = 0.0"
"""In the first 60 s of its life the wallet refuses nobody as unknown; this one is as one that has run for longer."""


@pytest.fixture(scope="package")
async def wallet_address(
    rabbitmq_server: RabbitMQ | None,
    mongod: Mongod,
    mongo_client: MongoClient[Document],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[WalletAddress]:
    """Run the wallet service; in the end ``wallet audit`` finds every cent accounted for."""
    async with virtual_host(rabbitmq_server) as url:
        site = Site(url, mongod, mongo_client, tmp_path_factory.mktemp("wallet"))
        async with deployed(site, PATIENCE, started=False) as wallet:
            wallet.process.launch(before=GROWN_UP)
            await wallet.process.wait_ready()
            yield WalletAddress(url, str(wallet.process.http.base_url), wallet.token)
            await wallet.assert_books_fit()
