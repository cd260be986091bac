"""A container that is labelled as a proxy of ours: programs may be run in it. Nothing else is ever done to it."""

from collections.abc import Sequence
from urllib.parse import quote

from interlock.core.problems import PermanentError, TemporaryError
from interlock.engines.address import EngineAddress
from interlock.host.process import Ended
from interlock.rollout.client import DeployClient

LABEL = "interlock.ext.name"


class LabelledContainer:
    """One container of one engine, as long as it has the label."""

    def __init__(self, address: EngineAddress, container_id: str, kind: str) -> None:
        """`kind` is what the label must say: the name of a proxy plugin."""
        self._address = address
        self._id = container_id
        self._kind = kind

    async def run(self, argv: Sequence[str], *, seconds: float) -> Ended:
        """Run a program in it, as its user, to the end.

        Raises:
            PermanentError: the engine does not allow it, or the container is not labelled.
            TemporaryError: it did not end in time, or the container does not run.
        """
        async with DeployClient.connect(self._address) as client:
            found = await client.inspect(self._id)
            if found is None or found.State.Status != "running":
                raise TemporaryError(f"container {self._id[:12]} does not run")
            if found.labels.get(LABEL) != self._kind:
                raise PermanentError(
                    f"container {self._id[:12]} is not labelled {LABEL}={self._kind}, so nothing is done to it",
                    fix="add the label",
                )
            return await client.execute(quote(found.Id, safe=""), argv, seconds=seconds)
