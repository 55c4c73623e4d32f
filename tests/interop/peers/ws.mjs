// Node's `ws`, in both roles. What a peer does is told in tests/interop.rs.

import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createInterface } from 'node:readline';
import { WebSocket, WebSocketServer } from 'ws';

const [role, certificates] = process.argv.slice(2);
const pem = (name) => readFileSync(`${certificates}/${name}.pem`);
const tell = (report) => console.log(JSON.stringify(report));

const settings = {
  plain: false,
  tls: false,
  deflate: true,
  'no-context-takeover': { serverNoContextTakeover: true, clientNoContextTakeover: true },
};

/** Echoes, does what it is told to, and reports when the connection has ended. */
function converse(ws, headers, cookie) {
  ws.on('message', (data, isBinary) => {
    if (isBinary || data[0] !== '/'.charCodeAt()) {
      ws.send(data, { binary: isBinary });
    } else {
      obey(ws, data.toString());
    }
  });
  ws.on('pong', (payload) => ws.send(`pong ${payload}`));
  ws.on('error', (error) => console.error(error));
  ws.on('close', (code, reason) => {
    const header = headers['x-interop'] ?? '';
    tell({ protocol: ws.protocol, header, cookie: String(cookie ?? ''), code, reason: String(reason) });
  });
}

function obey(ws, text) {
  const [order, ...words] = text.split(' ');
  switch (order) {
    case '/fragments':
      return words.forEach((word, i) => ws.send(word, { fin: i === words.length - 1 }));
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

/** A server for each setting. */
async function serve() {
  const ports = {};
  for (const [setting, perMessageDeflate] of Object.entries(settings)) {
    const http = setting === 'tls' ? createHttpsServer({ cert: pem('cert'), key: pem('key') }) : createHttpServer();
    const server = new WebSocketServer({
      server: http,
      perMessageDeflate,
      handleProtocols: (offered) => offered.has('chat.v1') && 'chat.v1',
      verifyClient: ({ req }, done) => done(req.url !== '/refuse', 403, 'not for you'),
    });
    server.on('headers', (headers) => {
      headers.push('X-Interop: from the server', 'Set-Cookie: seat=13');
    });
    server.on('connection', (ws, request) => converse(ws, request.headers, request.headers.cookie));
    await new Promise((listening) => http.listen(0, '127.0.0.1', listening));
    ports[setting] = http.address().port;
  }
  tell(ports);
}

/** A connection for each line of input. */
async function connect() {
  for await (const line of createInterface({ input: process.stdin })) {
    const [url, setting, ...protocols] = line.split(' ');
    const ws = new WebSocket(url, protocols, {
      perMessageDeflate: settings[setting],
      ca: pem('ca'),
      headers: { 'X-Interop': 'from the client', Cookie: 'seat=12' },
    });
    ws.on('upgrade', ({ headers }) => converse(ws, headers, headers['set-cookie']));
    ws.on('unexpected-response', async (request, response) => {
      let body = '';
      for await (const part of response) body += part;
      tell({ status: response.statusCode, body });
    });
  }
}

role === 'server' ? await serve() : await connect();
