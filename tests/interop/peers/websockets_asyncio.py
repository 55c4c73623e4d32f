"""Python's `websockets`, its asyncio side, in both roles. What a peer does is told in tests/interop.rs."""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

ROLE, CERTIFICATES = sys.argv[1:]
NO_TAKEOVER = {"server_no_context_takeover": True, "client_no_context_takeover": True}


def tell(report):
    print(json.dumps(report), flush=True)


async def converse(ws, headers, cookie):
    """Echoes, does what it is told to, and reports when the connection has ended."""
    try:
        while True:
            message = await ws.recv()
            if isinstance(message, str) and message.startswith("/"):
                await obey(ws, *message.split(" "))
            else:
                await ws.send(message)
    except ConnectionClosed:
        pass
    tell({
        "protocol": ws.subprotocol or "",
        "header": headers.get("X-Interop", ""),
        "cookie": headers.get(cookie, ""),
        "code": ws.close_code,
        "reason": ws.close_reason,
    })


async def obey(ws, order, *words):
    if order == "/fragments":
        await ws.send(words)
    elif order == "/burst":
        for i in range(int(words[0])):
            await ws.send(str(i + 1))
    elif order == "/ping":
        pong = await ws.ping(words[0])
        await pong
        await ws.send("pong " + words[0])
    elif order == "/close":
        await ws.send("closing")
        await (ws.close(int(words[0]), " ".join(words[1:])) if words else ws.close())


async def run_servers():
    """A server for each setting."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{CERTIFICATES}/cert.pem", f"{CERTIFICATES}/key.pem")

    def select_subprotocol(ws, offered):
        return "chat.v1" if "chat.v1" in offered else None

    def refuse(ws, request):
        if request.path == "/refuse":
            return ws.respond(403, "not for you")

    def add_headers(ws, request, response):
        response.headers["X-Interop"] = "from the server"
        response.headers["Set-Cookie"] = "seat=13"

    settings = {
        "plain": {"compression": None},
        "tls": {"compression": None, "ssl": context},
        "deflate": {"compression": "deflate"},
        "no-context-takeover": {"extensions": [ServerPerMessageDeflateFactory(**NO_TAKEOVER)]},
    }
    servers = {}
    for setting, options in settings.items():
        servers[setting] = await serve(
            lambda ws: converse(ws, ws.request.headers, "Cookie"),
            "127.0.0.1",
            0,
            subprotocols=["chat.v1"],
            select_subprotocol=select_subprotocol,
            process_request=refuse,
            process_response=add_headers,
            **options,
        )
    tell({setting: server.sockets[0].getsockname()[1] for setting, server in servers.items()})
    await asyncio.gather(*(server.serve_forever() for server in servers.values()))


async def run_clients():
    """A connection for each line of input."""
    context = ssl.create_default_context(cafile=f"{CERTIFICATES}/ca.pem")
    settings = {
        "plain": {"compression": None},
        "tls": {"compression": None, "ssl": context},
        "deflate": {"compression": "deflate"},
        "no-context-takeover": {"extensions": [ClientPerMessageDeflateFactory(**NO_TAKEOVER)]},
    }
    while line := await asyncio.to_thread(sys.stdin.readline):
        url, setting, *subprotocols = line.split()
        try:
            async with connect(
                url,
                subprotocols=subprotocols or None,
                additional_headers={"X-Interop": "from the client", "Cookie": "seat=12"},
                **settings[setting],
            ) as ws:
                await converse(ws, ws.response.headers, "Set-Cookie")
        except InvalidStatus as refusal:
            response = refusal.response
            tell({"status": response.status_code, "body": response.body.decode()})


asyncio.run(run_servers() if ROLE == "server" else run_clients())
