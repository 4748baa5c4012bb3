"""What is wired to what: the composition root.

Every provider makes its object when it is first asked for, inside the running event loop, and keeps it: one container
is one process. Nothing is connected here; ``service.py`` opens and closes. To swap a part, override its provider.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time

from dependency_injector import containers, providers

from adapters.clock import SystemClock
from adapters.http.application import http_application
from adapters.http.auth import Authenticator
from adapters.http.keys import PublishedKeys
from adapters.http.rate_limit import RateLimit
from adapters.mongo.client import connect
from adapters.mongo.driver import Driver
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.reader import MongoReader
from adapters.mongo.unit_of_work import MongoUnitOfWork
from adapters.rabbitmq.consumer import Consumer, Consumption
from adapters.rabbitmq.late_signups import LateSignupWatch
from adapters.rabbitmq.publisher import AnswerPublisher, PublishingConnection
from adapters.rabbitmq.topology import Topology
from entrypoints.books_observer import BooksObserver
from entrypoints.books_preparation import prepare_books
from entrypoints.deployment_policy import policy_of
from entrypoints.event_observer import EventObserver
from entrypoints.fault_injection import fault_injection
from entrypoints.metrics import OutboxMetrics, metrics_registry
from entrypoints.process_readiness import ProcessReadiness
from entrypoints.relay import RelayLoop
from entrypoints.settings import Settings
from wallet_core.fresh_answers import FreshAnswers
from wallet_core.intake import Intake
from wallet_core.relay import Relay


def relay_holder() -> str:
    """Name this process for the relay's lease: unique, and of use to whoever looks at the lease."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Container(containers.DeclarativeContainer):
    """The parts of one process."""

    settings = providers.Dependency(instance_of=Settings)

    # What everything else uses.
    clock = providers.Singleton(SystemClock)
    registry = providers.Singleton(metrics_registry)
    policy = providers.Singleton(policy_of, settings)
    answers_wait = providers.Singleton(asyncio.Event)
    steps = providers.Singleton(fault_injection, settings)

    # The books.
    books_observer = providers.Singleton(BooksObserver, registry, steps)
    driver = providers.Callable(Driver, settings.provided.wallet_mongo_driver)
    database = providers.Singleton(connect, settings.provided.database_url.reveal.call(), books_observer, driver)
    preparation = providers.Factory(prepare_books, database, settings.provided.wallet_currency)
    unit_of_work = providers.Singleton(MongoUnitOfWork, database)
    reader = providers.Singleton(MongoReader, database)
    pending_answers = providers.Singleton(MongoPendingAnswers, database)

    # Events in.
    event_observer = providers.Singleton(EventObserver, registry, answers_wait, steps)
    topology = providers.Singleton(
        Topology,
        settings.provided.wallet_exchange_type,
        settings.provided.wallet_retry_delays_ms,
        settings.provided.wallet_partitions,
    )
    publishing = providers.Singleton(
        PublishingConnection, settings.provided.rabbitmq_url.reveal.call(), topology, event_observer
    )
    late_signups = providers.Singleton(LateSignupWatch)
    fresh_answers = providers.Singleton(FreshAnswers)
    intake = providers.Singleton(
        Intake,
        unit_of_work,
        clock,
        policy,
        late_signups,
        settings.provided.wallet_retry_delays_ms,
        fresh_answers=fresh_answers,
    )
    consumption = providers.Singleton(
        Consumption, batch_max=settings.provided.wallet_batch_max, prefetch=settings.provided.wallet_prefetch
    )
    consumer = providers.Singleton(
        Consumer,
        settings.provided.rabbitmq_url.reveal.call(),
        intake=intake,
        probe=unit_of_work.provided.probe,
        publishing=publishing,
        late_signups=late_signups,
        clock=clock,
        topology=topology,
        consumption=consumption,
        observer=event_observer,
    )

    # Answers out.
    answer_publisher = providers.Singleton(AnswerPublisher, publishing, event_observer)
    relay = providers.Singleton(
        Relay, pending_answers, answer_publisher, providers.Callable(relay_holder), time.monotonic, fresh_answers
    )
    outbox_metrics = providers.Singleton(OutboxMetrics, registry, clock)
    relay_loop = providers.Singleton(RelayLoop, relay, pending_answers, outbox_metrics, answers_wait, time.monotonic)

    # Balances over HTTP.
    keys = providers.Singleton(PublishedKeys, settings.provided.jwks_endpoint)
    authenticator = providers.Singleton(
        Authenticator,
        keys,
        issuer=settings.provided.jwt_iss,
        audience=settings.provided.jwt_aud,
        algorithms=settings.provided.wallet_jwt_algorithms,
    )
    readiness = providers.Singleton(ProcessReadiness, database)
    application = providers.Singleton(
        http_application,
        reader=reader,
        authenticator=authenticator,
        readiness_checks=readiness.provided.checks,
        currency=settings.provided.wallet_currency,
        clock=clock,
        registry=registry,
        error_style=settings.provided.wallet_http_errors,
        cors_origins=settings.provided.cors_origin,
        rate_limit=providers.Singleton(
            RateLimit, settings.provided.rate_limit_max, settings.provided.rate_limit_window_ms
        ),
        trusted_proxies=settings.provided.wallet_trusted_proxies,
    )
