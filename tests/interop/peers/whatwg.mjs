// The WebSocket of the browsers, as a client: Chromium's, undici's (which is Node's own), Bun's.
// What a peer does is told in tests/interop.rs.

/** Connects, echoes, does what it is told to; resolves to the report when the connection has ended. */
export function converse(WebSocket, url, protocols, options) {
  const ws = options ? new WebSocket(url, { protocols, ...options }) : new WebSocket(url, protocols);
  ws.binaryType = 'arraybuffer';
  ws.onmessage = ({ data }) => {
    if (typeof data === 'string' && data.startsWith('/')) {
      obey(ws, data);
    } else {
      ws.send(data);
    }
  };
  ws.addEventListener('pong', ({ data }) => ws.send(`pong ${new TextDecoder().decode(data)}`)); // Bun's
  return new Promise((done) => {
    ws.onclose = ({ code, reason }) => done({ protocol: ws.protocol, code, reason });
  });
}

function obey(ws, text) {
  const [order, ...words] = text.split(' ');
  switch (order) {
    case '/burst':
      for (let i = 1; i <= Number(words[0]); i++) ws.send(String(i));
      return;
    case '/ping':
      return ws.ping(words[0]); // Bun's
    case '/close': {
      ws.send('closing');
      if (words.length === 0) return ws.close();
      return ws.close(Number(words[0]), words.slice(1).join(' '));
    }
  }
}
