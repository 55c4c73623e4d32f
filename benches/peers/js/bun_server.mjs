// Bun's own WebSocket server (uWebSockets inside): `bun bun_server.mjs echo|broadcast PORT`.
const [mode, port] = process.argv.slice(2);
const all = mode === 'broadcast';
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  fetch(request, server) {
    if (!server.upgrade(request)) return new Response('this is a WebSocket', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 64 << 20,
    backpressureLimit: 64 << 20,
    open(ws) { if (all) ws.subscribe('all'); },
    message(ws, message) { if (all) ws.publish('all', message); else ws.send(message); },
  },
});
