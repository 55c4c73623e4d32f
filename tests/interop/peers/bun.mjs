// Bun, in both roles. What a peer does is told in tests/interop.rs.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { converse } from './whatwg.mjs';

const [role, certificates] = process.argv.slice(2);
const pem = (name) => readFileSync(`${certificates}/${name}.pem`);
const tell = (report) => console.log(JSON.stringify(report));

const settings = {
  plain: false,
  tls: false,
  deflate: { compress: 'dedicated', decompress: 'dedicated' },
  'no-context-takeover': { compress: 'shared', decompress: 'shared' },
};

/** A server for each setting. Echoes, does what it is told to, and reports when a connection has ended. */
function serve() {
  const websocket = {
    message(ws, data) {
      if (typeof data === 'string' && data.startsWith('/')) {
        obey(ws, data);
      } else {
        ws.send(data, true);
      }
    },
    pong: (ws, payload) => ws.send(`pong ${payload}`),
    close: (ws, code, reason) => tell({ ...ws.data, code, reason }),
  };
  const ports = {};
  for (const [setting, perMessageDeflate] of Object.entries(settings)) {
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      tls: setting === 'tls' ? { cert: pem('cert'), key: pem('key') } : undefined,
      websocket: { ...websocket, perMessageDeflate },
      fetch(request, server) {
        if (new URL(request.url).pathname === '/refuse') return new Response('not for you', { status: 403 });
        const asked = request.headers;
        const offered = (asked.get('sec-websocket-protocol') ?? '').split(', ');
        const protocol = offered.includes('chat.v1') ? 'chat.v1' : '';
        const headers = { 'X-Interop': 'from the server', 'Set-Cookie': 'seat=13' };
        if (protocol) headers['Sec-WebSocket-Protocol'] = protocol;
        const data = { protocol, header: asked.get('x-interop'), cookie: asked.get('cookie') };
        if (!server.upgrade(request, { headers, data })) return new Response('', { status: 400 });
      },
    });
    ports[setting] = server.port;
  }
  tell(ports);
}

function obey(ws, text) {
  const [order, ...words] = text.split(' ');
  switch (order) {
    case '/burst':
      for (let i = 1; i <= Number(words[0]); i++) ws.send(String(i));
      return;
    case '/ping':
      return ws.ping(words[0]);
    case '/close': {
      ws.send('closing');
      if (words.length === 0) return ws.close();
      return ws.close(Number(words[0]), words.slice(1).join(' '));
    }
  }
}

/** A connection for each line of input. */
async function connect() {
  const headers = { 'X-Interop': 'from the client', Cookie: 'seat=12' };
  for await (const line of createInterface({ input: process.stdin })) {
    const [url, setting, ...protocols] = line.split(' ');
    const options = { headers, perMessageDeflate: settings[setting] !== false, tls: { ca: pem('ca') } };
    tell(await converse(WebSocket, url, protocols, options));
  }
}

role === 'server' ? serve() : await connect();
