// Node's `ws`: `node ws_server.mjs echo|broadcast PORT`. JS_DIR is the folder that has it in node_modules.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
const { WebSocketServer } = createRequire(resolve(process.env.JS_DIR ?? import.meta.dirname, 'package.json'))('ws');
const [mode, port] = process.argv.slice(2);
const server = new WebSocketServer({
  host: '127.0.0.1', port: Number(port), perMessageDeflate: false, maxPayload: 64 << 20, backlog: 1024,
});
server.on('connection', (ws) => {
  ws.on('error', () => {});
  ws.on('message', (data, isBinary) => {
    if (mode !== 'broadcast') return ws.send(data, { binary: isBinary });
    for (const other of server.clients) if (other !== ws) other.send(data, { binary: isBinary });
  });
});
