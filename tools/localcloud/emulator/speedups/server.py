"""Serves HTTP with uvicorn and its parsers in C, instead of hypercorn and its parsers in Python.

A task makes about twenty HTTP requests to the emulator. Without this, many tasks at once need 11 %
more processor time.
"""

import asyncio
from typing import Any

import hypercorn.asyncio
import uvicorn
import uvloop

from tools.localcloud.emulator.replacing import Function, Patch, replaces


@replaces(hypercorn.asyncio, "serve", has="worker_serve")
async def serve_with_uvicorn(_original: Function, application: Any, config: Any) -> None:
    """Serve an ASGI application of `ministack.app.main` with uvicorn until SIGTERM."""
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
        # ministack sets the headers that AWS sends.
        server_header=False,
        date_header=False,
    )
    await uvicorn.Server(settings).serve()


@Patch
def run_on_uvloop() -> None:
    """Run ministack's event loop with uvloop."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
