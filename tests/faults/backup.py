"""A backup of the books, as an operator's tool makes one: every document of every collection, byte for byte.

Taken from a living database at one instant (a snapshot session of the plain driver), restored into an empty one. What
else belongs to a collection, indexes and validators, the service makes when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database

from tests.faults.scene import Document


@dataclass(frozen=True, slots=True)
class Backup:
    """The documents of each collection, in the order of their ids."""

    documents: Mapping[str, list[bytes]]

    @classmethod
    def of(cls, database: Database[Document]) -> Backup:
        """Read everything as it was at one instant, whoever writes meanwhile."""
        names = sorted(database.list_collection_names())
        with database.client.start_session(snapshot=True) as session:
            found = {name: _raw(database, name).find(session=session).sort("_id", 1) for name in names}
            return cls({name: [bytes(document.raw) for document in documents] for name, documents in found.items()})

    def restore(self, database: Database[Document]) -> None:
        """Write everything into a database, in the place of what is there."""
        database.client.drop_database(database.name)
        for name, documents in self.documents.items():
            if documents:
                _raw(database, name).insert_many(map(RawBSONDocument, documents))


def _raw(database: Database[Document], name: str) -> Collection[RawBSONDocument]:
    documents = database.get_collection(name, CodecOptions(document_class=RawBSONDocument))
    return cast("Collection[RawBSONDocument]", documents)
