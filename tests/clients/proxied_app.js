// An application behind hawser and another proxy, and what must pass through both of them.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {request} from 'node:https';

import WebSocket, {WebSocketServer} from 'ws';

import {textOf} from './backends.js';
import {eventually} from './hawser.js';
import {atEnd} from './software.js';

// The clients' address, different from the proxies'.
export const client = '127.0.0.2';

// Headers that a client must not be able to forge.
const lies = {
  Forwarded: 'for=192.0.2.1;host=evil.example;proto=http',
  'X-Forwarded-For': '192.0.2.1',
  'X-Forwarded-Host': 'evil.example',
  'X-Forwarded-Port': '1',
  'X-Forwarded-Proto': 'http',
  'X-Real-IP': '192.0.2.1',
  'X-Request-Id': 'evil',
};

// GET / answers with the headers that came, in JSON; GET /events is an event stream, of which `streams` has the responses; POST /
// answers with the body, POST /first with its first piece as soon as that has come. WebSockets echo; one that receives `close me`
// closes with 4003.
export async function startApp() {
  const streams = [];
  const http = createServer(async (request, response) => {
    if (request.url === '/first') {
      response.end((await once(request, 'data'))[0]);
    } else if (request.method === 'POST') {
      response.end(await textOf(request));
    } else if (request.url === '/events') {
      response.writeHead(200, {'Content-Type': 'text/event-stream'}).flushHeaders();
      streams.push(response);
    } else {
      response.end(JSON.stringify(request.headers));
    }
  });
  const sockets = new WebSocketServer({server: http, perMessageDeflate: true, handleProtocols: () => 'chat.v2'});
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => {
    if (String(data) === 'close me') socket.close(4003, 'as you wish');
    else socket.send(data, {binary});
  }));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  atEnd(() => {
    sockets.clients.forEach((socket) => socket.terminate());
    http.close();
    http.closeAllConnections();
  });
  return {port: http.address().port, streams};
}

const secure = {rejectUnauthorized: false, localAddress: client};

export const open = (port) => new WebSocket(`wss://127.0.0.1:${port}/chat`, ['chat.v1', 'chat.v2'], secure);

// Sends a request without its end. Its answer may come earlier.
function begin(port, options) {
  const outgoing = request({host: '127.0.0.1', port, ...secure, ...options}).on('error', () => {});
  return {outgoing, answer: once(outgoing, 'response').then(([response]) => response)};
}

function ask(port, options, body) {
  const {outgoing, answer} = begin(port, options);
  outgoing.end(body);
  return answer;
}

// The headers that the application gets when a client forges them.
export async function headersThrough(port, host) {
  const response = await ask(port, {path: '/', headers: {...lies, Host: host}});
  return JSON.parse(await textOf(response));
}

export async function assertEventsPassAtOnce(port, streams) {
  const response = await ask(port, {path: '/events'});
  const stream = await eventually(() => streams.pop());
  for (const text of ['one', 'two', 'drei 🌊']) {
    stream.write(`data: ${text}\n\n`);
    assert.equal(String((await once(response, 'data'))[0]), `data: ${text}\n\n`);
  }
  response.destroy();
  await eventually(() => {  // an event is what shows that nobody is there
    stream.write(':\n\n');
    return stream.destroyed;
  });
}

export async function assertLeavingIsNoticed(port, streams) {
  const response = await ask(port, {path: '/events'});
  const stream = await eventually(() => streams.pop());
  response.destroy();
  await once(stream, 'close');
}

export async function assertUploadsPass(port) {
  const body = 'wave'.repeat(1 << 20);
  const response = await ask(port, {path: '/', method: 'POST'}, body);
  assert.equal(response.statusCode, 200);
  assert.ok(await textOf(response) === body);
}

export async function assertUploadsPassAtOnce(port) {
  const {outgoing, answer} = begin(port, {path: '/first', method: 'POST', headers: {'Transfer-Encoding': 'chunked'}});
  outgoing.write('the first piece');
  assert.equal(await textOf(await answer), 'the first piece');
  outgoing.destroy();
}

export async function assertMessagesPass(port) {
  const socket = open(port);
  await once(socket, 'open');
  assert.equal(socket.protocol, 'chat.v2');
  assert.match(socket.extensions, /permessage-deflate/);
  for (const message of ['', 'grüße 🌊', Buffer.alloc(126), Buffer.alloc(65_536, 'rope'), Buffer.alloc(4 << 20, 'ship')]) {
    socket.send(message);
    const [data, binary] = await once(socket, 'message');
    assert.equal(binary, typeof message !== 'string');
    assert.ok(data.equals(Buffer.from(message)));
  }
  socket.ping('still there?');
  assert.equal(String((await once(socket, 'pong'))[0]), 'still there?');
  socket.send('close me');
  const [code, reason] = await once(socket, 'close');
  assert.deepEqual([code, String(reason)], [4003, 'as you wish']);
}

// Is quiet for several times the other proxy's time-out, and must still be answered. It counts hawser's pings as a clock: this many
// come in that time.
export async function assertQuietTunnelsStay(port, pings) {
  const socket = open(port);
  await once(socket, 'open');
  for (let i = 0; i < pings; ++i) await once(socket, 'ping');
  socket.send('still there?');
  assert.equal(String((await once(socket, 'message'))[0]), 'still there?');
  socket.close();
  await once(socket, 'close');
}
