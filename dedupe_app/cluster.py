"""`--engine dask://host:8786`: the same batches on the workers of a Dask cluster.

Photos on disk are read by the workers themselves, so that the folders have to be mounted there under the same paths;
what only a connector can read is sent along. Dask replaces workers that die and gives their batches to others; an item
that kills its worker again and again is one line in the report, as everywhere.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from dedupe_core.engine import Engine, EngineError

if TYPE_CHECKING:
    from distributed import Client

_SCHEME = "dask://"
_SECONDS = 20


class ClusterEngine(Engine):
    """An engine over a client's executor; closing it ends the connection and leaves the cluster as it is."""

    def __init__(self, client: Client) -> None:
        threads = sum(client.nthreads().values())  # type: ignore[no-untyped-call]
        super().__init__(workers=max(1, threads), executor=client.get_executor(pure=False))  # type: ignore[no-untyped-call]
        self._client: Any = client

    def close(self) -> None:
        """Drop what is not done and disconnect."""
        super().close()
        self._client.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cluster_engine(url: str) -> ClusterEngine:
    """Connect to a scheduler. Raises `EngineError` with a sentence."""
    if not url.startswith(_SCHEME):
        raise EngineError(f"{url!r} is no engine; write dask://HOST:8786.")
    try:
        from distributed import Client
    except ImportError as error:
        raise EngineError('Dask is not installed; run: pip install "keepone[dask]"') from error
    try:
        address = f"tcp://{url.removeprefix(_SCHEME)}"
        client = Client(address, timeout=_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise EngineError(f"There is no Dask scheduler at {url} ({error}).") from error
    return ClusterEngine(client)
