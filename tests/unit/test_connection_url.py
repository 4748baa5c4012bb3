"""Addresses with a password: exact for the driver, without secrets for people, refused when ambiguous."""

import pytest

from entrypoints.connection_url import database_url, rabbitmq_url

PASSWORD = "s3cret"


@pytest.mark.parametrize(
    ("address", "redacted", "database"),
    [
        ("mongodb://a:1,b:2/books?replicaSet=rs0", "mongodb://a:1,b:2/books", "books"),
        ("mongodb://reader@[::1]:27017/books", "mongodb://reader@[::1]:27017/books", "books"),
        ("mongodb+srv://root:p%40ss@c.example.net/books", "mongodb+srv://root:***@c.example.net:27017/books", "books"),
        ("mongodb://root:p%40ss@mint_mongo:27017/b", "mongodb://root:***@mint_mongo:27017/b", "b"),
    ],
)
def test_database_url_is_kept_byte_for_byte(address: str, redacted: str, database: str) -> None:
    """The driver gets exactly the text that was given; people get it without password and query."""
    url = database_url(address)

    assert (address, redacted, database) == (url.reveal(), url.redacted, url.database)


@pytest.mark.parametrize(
    ("address", "redacted"),
    [
        ("amqp://guest:guest@rabbitmq:5672", "amqp://guest:***@rabbitmq:5672/"),
        ("amqps://guest:g%2Ft@rabbit_mq/%2Fmint?heartbeat=30", "amqps://guest:***@rabbit_mq/%2Fmint"),
        ("amqp://rabbitmq", "amqp://rabbitmq/"),
    ],
)
def test_rabbitmq_url_is_kept_byte_for_byte(address: str, redacted: str) -> None:
    """The client gets exactly the text that was given; people get it without password and query."""
    url = rabbitmq_url(address)

    assert (address, redacted) == (url.reveal(), url.redacted)


@pytest.mark.parametrize("database", ["", "admin", "config", "local", "a b", "a.b", "a/b", "x" * 64])
def test_database_url_must_name_a_database_of_ours(database: str) -> None:
    """An address without a database, or with one that can hold no books, is refused."""
    with pytest.raises(ValueError, match="database"):
        database_url(f"mongodb://db:27017/{database}")


@pytest.mark.parametrize(
    "address",
    [
        f"mongodb://root:{PASSWORD}/1@db/books",
        f"mongodb://root:12/{PASSWORD}@db/books",
        f"mongodb://root:#{PASSWORD}@db/books",
        f"mongodb://db/books#{PASSWORD}",
        f"mongodb://root:a@{PASSWORD}@db/books",
        f"mongodb://root:a,b@{PASSWORD}@db/books",
        f"mongodb://root:{PASSWORD}@db,x@db/books",
        f"postgres://root:{PASSWORD}@db/books",
        f"mongodb:///{PASSWORD}",
    ],
)
def test_unusable_database_url_is_refused_without_showing_it(address: str) -> None:
    """A delimiter that is not percent-encoded would cut the password in two; the error repeats neither half."""
    with pytest.raises(ValueError, match=r".") as refused:
        database_url(address)

    assert PASSWORD not in f"{refused.value!r} {refused.value.__cause__!r}"


@pytest.mark.parametrize(
    "address",
    [
        f"http://guest:{PASSWORD}@rabbitmq",
        f"amqp://guest:12/{PASSWORD}@rabbitmq",
        f"amqp://rabbitmq#{PASSWORD}",
        f"amqp://guest:a@{PASSWORD}@rabbitmq",
        f"amqp://guest:{PASSWORD}@rabbitmq/a/b",
        f"amqp:{PASSWORD}",
    ],
)
def test_unusable_rabbitmq_url_is_refused_without_showing_it(address: str) -> None:
    """An address that the client would read differently from a person is refused; the error repeats none of it."""
    with pytest.raises(ValueError, match=r".") as refused:
        rabbitmq_url(address)

    assert PASSWORD not in f"{refused.value!r} {refused.value.__cause__!r}"
