"""Services for end-to-end tests: one for a whole module, or one for a single test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.embedded.rabbitmq import RabbitMQ
from tests.e2e.books import Document
from tests.e2e.deployment import Deployment, Site, deployed
from tests.fixtures.rabbitmq import virtual_host


@pytest.fixture(scope="module")
async def module_site(
    rabbitmq_server: RabbitMQ | None,
    mongod: Mongod,
    mongo_client: MongoClient[Document],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    """Give a place for the service that the tests of a module share."""
    async with virtual_host(rabbitmq_server) as url:
        yield Site(url, mongod, mongo_client, tmp_path_factory.mktemp("wallet"))


@pytest.fixture(scope="module")
async def wallet(module_site: Site) -> AsyncIterator[Deployment]:
    """Run the service that the tests of a module share; each test uses ids of its own. In the end the books fit."""
    async with deployed(module_site) as deployment:
        yield deployment
        await deployment.assert_books_fit()


@pytest.fixture
def site(
    rabbitmq_url: str, mongod: Mongod, mongo_client: MongoClient[Document], tmp_path_factory: pytest.TempPathFactory
) -> Site:
    """Give a place for services that one test has for itself."""
    return Site(rabbitmq_url, mongod, mongo_client, tmp_path_factory.mktemp("wallet"))
