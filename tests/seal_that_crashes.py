"""Run the sealer as production does, and get SIGKILL when its first checkpoint is committed and not yet published."""

import os
import signal

from pcare_cli.sealing import process
from pcare_cli.sealing.reconciling import Reconciling
from pcare_cli.sealing.tables import to_publish

publish = Reconciling.publish


async def crash(self: Reconciling) -> None:
    if await to_publish(self._connection):
        os.kill(os.getpid(), signal.SIGKILL)
    await publish(self)


Reconciling.publish = crash  # type: ignore[method-assign]
process.main()
