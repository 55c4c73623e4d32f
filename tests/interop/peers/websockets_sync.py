"""Python's `websockets`, its threads, in both roles. What a peer does is told in tests/interop.rs."""

import json
import ssl
import sys
import threading

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.sync.client import connect
from websockets.sync.server import serve

# One thread reads and another writes; in TLS 1.2 the two directions have least to do with each other.
TLS_FOR_THREADS = ssl.TLSVersion.TLSv1_2
ROLE, CERTIFICATES = sys.argv[1:]
NO_TAKEOVER = {"server_no_context_takeover": True, "client_no_context_takeover": True}


def tell(report):
    print(json.dumps(report), flush=True)


def converse(ws, headers, cookie):
    """Echoes, does what it is told to, and reports when the connection has ended."""
    try:
        while True:
            message = ws.recv()
            if isinstance(message, str) and message.startswith("/"):
                obey(ws, *message.split(" "))
            else:
                ws.send(message)
    except ConnectionClosed:
        pass
    tell({
        "protocol": ws.subprotocol or "",
        "header": headers.get("X-Interop", ""),
        "cookie": headers.get(cookie, ""),
        "code": ws.close_code,
        "reason": ws.close_reason,
    })


def obey(ws, order, *words):
    if order == "/fragments":
        ws.send(words)
    elif order == "/burst":
        for i in range(int(words[0])):
            ws.send(str(i + 1))
    elif order == "/ping":
        ws.ping(words[0]).wait()
        ws.send("pong " + words[0])
    elif order == "/close":
        ws.send("closing")
        ws.close(int(words[0]), " ".join(words[1:])) if words else ws.close()


def run_servers():
    """A server for each setting."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{CERTIFICATES}/cert.pem", f"{CERTIFICATES}/key.pem")
    context.maximum_version = TLS_FOR_THREADS

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
    ports = {}
    for setting, options in settings.items():
        server = serve(
            lambda ws: converse(ws, ws.request.headers, "Cookie"),
            "127.0.0.1",
            0,
            subprotocols=["chat.v1"],
            select_subprotocol=select_subprotocol,
            process_request=refuse,
            process_response=add_headers,
            **options,
        )
        ports[setting] = server.socket.getsockname()[1]
        threading.Thread(target=server.serve_forever).start()
    tell(ports)


def run_clients():
    """A connection for each line of input."""
    context = ssl.create_default_context(cafile=f"{CERTIFICATES}/ca.pem")
    context.maximum_version = TLS_FOR_THREADS
    settings = {
        "plain": {"compression": None},
        "tls": {"compression": None, "ssl": context},
        "deflate": {"compression": "deflate"},
        "no-context-takeover": {"extensions": [ClientPerMessageDeflateFactory(**NO_TAKEOVER)]},
    }
    for line in sys.stdin:
        url, setting, *subprotocols = line.split()
        try:
            with connect(
                url,
                subprotocols=subprotocols or None,
                additional_headers={"X-Interop": "from the client", "Cookie": "seat=12"},
                **settings[setting],
            ) as ws:
                converse(ws, ws.response.headers, "Set-Cookie")
        except InvalidStatus as refusal:
            response = refusal.response
            tell({"status": response.status_code, "body": response.body.decode()})


run_servers() if ROLE == "server" else run_clients()
