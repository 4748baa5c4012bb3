"""What a service makes at its start: collections, validators and indexes, exchanges, queues and bindings.

Read by the plain driver and the broker's own tool, as plain data, so that two of them can be compared.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from tests.faults.scene import Document, Scene


@dataclass(frozen=True, slots=True)
class Structure:
    """Everything that is made, by name; of the broker as it exports its definitions."""

    collections: dict[str, object]
    indexes: dict[str, object]
    definitions: dict[str, list[Document]]


async def structure(scene: Scene) -> Structure:
    """Read the structure that a scene has now."""
    listed = list(scene.books.list_collections())
    return Structure(
        collections={collection["name"]: collection["options"] for collection in listed},
        indexes={collection["name"]: scene.books[collection["name"]].index_information() for collection in listed},
        definitions=await _definitions(scene),
    )


async def _definitions(scene: Scene) -> dict[str, list[Document]]:
    """Give exchanges, queues and bindings of the virtual host, without its name, in an order of their own."""
    exported = json.loads(
        await asyncio.to_thread(scene.servers.rabbitmq.ctl, "--quiet", "export_definitions", "-", "--format", "json")
    )
    return {
        kind: sorted(
            ({**made, "vhost": ""} for made in exported[kind] if made["vhost"] == scene.vhost),
            key=lambda made: json.dumps(made, sort_keys=True),
        )
        for kind in ("exchanges", "queues", "bindings")
    }
