"""The HTTP server under ministack: uvicorn on C parsers in the place of hypercorn on Python ones.

A task makes some twenty HTTP requests to the emulator, so what it spends on each of them, beside
the service that answers, was a third of its processor time.
"""

import asyncio
from typing import Any

import hypercorn.asyncio
import uvicorn
import uvloop

from tools.localcloud.emulator.patches.replacing import Function, replace


def install() -> None:
    """Let `ministack.app.main` serve by uvicorn, on uvloop.

    Raises:
        AssertionError: hypercorn is not what ministack was made for.
    """
    replace(hypercorn.asyncio, "serve", _by_uvicorn, has="worker_serve")
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def _by_uvicorn(_original: Function) -> Function:
    async def serve(application: Any, config: Any) -> None:
        """Serve an ASGI application as hypercorn's `config` says, until SIGTERM."""
        host, _, port = config.bind[0].rpartition(":")
        settings = uvicorn.Config(
            application,
            host=host,
            port=int(port),
            http="httptools",
            ws="none",
            lifespan="on",
            timeout_keep_alive=int(config.keep_alive_timeout),
            log_level=config.loglevel.lower(),
            access_log=False,
            proxy_headers=False,
            # ministack answers with the headers that AWS has.
            server_header=False,
            date_header=False,
        )
        await uvicorn.Server(settings).serve()

    return serve
