"""A Zarr store that proves every file by the ledger before it is read."""

from __future__ import annotations

import asyncio
from typing import Any

from zarr.storage import LocalStore, WrapperStore

from layerscape.storage.ledger import Ledger


class ProvenStore(WrapperStore[LocalStore]):
    """A folder of a run, to read; its files are known to the ledger by their paths."""

    def __init__(self, store: LocalStore, ledger: Ledger, prefix: str) -> None:
        super().__init__(store)
        self._ledger, self._prefix = ledger, prefix

    def __reduce__(self) -> tuple[object, ...]:
        """As another process reads it: with proofs of its own."""
        return proven_store, (self._ledger, self._prefix)

    def _with_store(self, store: LocalStore) -> ProvenStore:
        return ProvenStore(store, self._ledger, self._prefix)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """The bytes of a file; Zarr asks for files that need not be there, but never for such a chunk."""
        name = f"{self._prefix}/{key}"
        if self._ledger.knows(name) or key.split("/")[-1].startswith("c."):
            await asyncio.to_thread(self._ledger.prove, name)
        return await super().get(key, prototype, byte_range)


def proven_store(ledger: Ledger, prefix: str) -> ProvenStore:
    """The store of a folder within a run."""
    return ProvenStore(LocalStore(ledger.folder / prefix, read_only=True), ledger, prefix)
