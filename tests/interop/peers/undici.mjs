// undici, the WebSocket that Node has built in, as a client. What a peer does is told in tests/interop.rs.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Agent, WebSocket } from 'undici';
import { converse } from './whatwg.mjs';

const dispatcher = new Agent({ connect: { ca: readFileSync(`${process.argv[3]}/ca.pem`) } });
const headers = { 'X-Interop': 'from the client', Cookie: 'seat=12' };

// A connection for each line of input.
for await (const line of createInterface({ input: process.stdin })) {
  const [url, _setting, ...protocols] = line.split(' ');
  console.log(JSON.stringify(await converse(WebSocket, url, protocols, { headers, dispatcher })));
}
