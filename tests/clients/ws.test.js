// The npm package ws on both sides of hawser: the messages, closes and errors of the most used implementation.
import assert from 'node:assert/strict';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {after, before, test} from 'node:test';

import {WebSocket, WebSocketServer} from 'ws';

import {eventually, startHawser} from './hawser.js';

let server, hawser;
let accepted = [];  // what the server's connections are and saw

before(async () => {
  server = new WebSocketServer({
    port: 0, host: '127.0.0.1', perMessageDeflate: {threshold: 64}, maxPayload: 64 << 20,
    handleProtocols: (offered) => offered.has('chat.v2') ? 'chat.v2' : false,
  });
  server.on('connection', (socket, request) => {
    const seen = {socket, request, pings: 0, closed: once(socket, 'close')};
    accepted.push(seen);
    socket.on('message', (data, binary) => socket.send(data, {binary, compress: true}));
    socket.on('ping', () => ++seen.pings);
    socket.on('error', () => {});
  });
  await once(server, 'listening');
  hawser = await startHawser({ports: [server.address().port]});
});

after(async () => {
  await hawser.stop();
  server.close();
});

// An open client and the server's end of it.
async function open(address, protocols = [], options = {}) {
  accepted = [];
  const client = new WebSocket(address, protocols, {rejectUnauthorized: false, maxPayload: 64 << 20, ...options});
  await once(client, 'open');
  return {client, backend: await eventually(() => accepted[0])};
}

for (const listener of ['plain', 'edge']) {
  test(`messages of every size come back, ${listener}`, async () => {
    for (const perMessageDeflate of [false, true]) {
      const {client} = await open(hawser[listener], [], {perMessageDeflate});
      assert.equal(client.extensions.includes('permessage-deflate'), perMessageDeflate);
      for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20]) {
        const message = randomBytes(size);
        client.send(message, {binary: true});
        const [echo, binary] = await once(client, 'message');
        assert.ok(binary);
        assert.ok(message.equals(echo), `${size} bytes`);
      }
      const text = 'zwölf Boxkämpfer 🥊 '.repeat(1000);
      client.send(text);
      assert.equal(String((await once(client, 'message'))[0]), text);
      client.close(1000);
      await once(client, 'close');
    }
  });

  test(`a subprotocol is agreed on end to end, ${listener}`, async () => {
    const {client, backend} = await open(hawser[listener], ['chat.v1', 'chat.v2']);
    assert.equal(client.protocol, 'chat.v2');
    assert.equal(backend.request.headers['x-forwarded-proto'], listener === 'edge' ? 'https' : 'http');
    client.terminate();
  });

  test(`pings and pongs pass both ways, ${listener}`, async () => {
    const {client, backend} = await open(hawser[listener]);
    client.ping('from the client');
    assert.equal(String((await once(client, 'pong'))[0]), 'from the client');
    assert.equal(backend.pings, 1);
    backend.socket.ping('from the backend');
    assert.equal(String((await once(backend.socket, 'pong'))[0]), 'from the backend');
    client.terminate();
  });

  test(`a close code and its reason reach the other side, ${listener}`, async () => {
    const first = await open(hawser[listener]);
    first.client.close(4001, 'client is done');
    assert.deepEqual((await first.backend.closed).map(String), ['4001', 'client is done']);
    const second = await open(hawser[listener]);
    second.backend.socket.close(4002, 'backend is done');
    assert.deepEqual((await once(second.client, 'close')).map(String), ['4002', 'backend is done']);
    await eventually(() => hawser.log().find((line) => line.close_code === 4001 && line.closed_by === 'client'));
    await eventually(() => hawser.log().find((line) => line.close_code === 4002 && line.closed_by === 'backend'));
  });

  test(`a side that is cut off ends the other, ${listener}`, async () => {
    const first = await open(hawser[listener]);
    first.client.terminate();
    assert.equal((await first.backend.closed)[0], 1001);
    const second = await open(hawser[listener]);
    second.backend.socket.terminate();
    assert.equal((await once(second.client, 'close'))[0], 1001);
  });
}

test('with offload a client that compresses talks to a server that does not', async (t) => {
  const plainServer = new WebSocketServer({port: 0, host: '127.0.0.1', perMessageDeflate: false, maxPayload: 64 << 20});
  await once(plainServer, 'listening');
  plainServer.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, {binary})));
  const other = await startHawser({ports: [plainServer.address().port], compression: 'offload'});
  t.after(async () => { await other.stop(); plainServer.close(); });
  for (const listener of ['plain', 'edge']) {
    for (const offer of [true, {clientMaxWindowBits: 10, serverMaxWindowBits: 9}, {threshold: 0, clientNoContextTakeover: true}]) {
      const client = new WebSocket(other[listener], [], {rejectUnauthorized: false, maxPayload: 64 << 20, perMessageDeflate: offer});
      await once(client, 'open');
      assert.ok(client.extensions.includes('permessage-deflate'));
      for (const size of [0, 1, 125, 126, 1000, 65535, 65536, 1 << 20, 8 << 20]) {
        for (const message of [randomBytes(size), Buffer.from('zwoelf Boxkaempfer '.repeat(size / 19 + 1)).subarray(0, size)]) {
          client.send(message, {binary: true});
          const [echo] = await once(client, 'message');
          assert.ok(message.equals(echo), `${size} bytes`);
        }
      }
      for (const [part, fin] of [['one '.repeat(500), false], ['two '.repeat(500), false], ['three', true]]) client.send(part, {fin});
      assert.equal(String((await once(client, 'message'))[0]), 'one '.repeat(500) + 'two '.repeat(500) + 'three');
      client.close(1000);
      await once(client, 'close');
    }
  }
});

test('with strip nobody compresses', async (t) => {
  const other = await startHawser({ports: [server.address().port], compression: 'strip'});
  t.after(other.stop);
  const {client, backend} = await open(other.edge, [], {perMessageDeflate: true});
  assert.equal(client.extensions, '');
  assert.equal(backend.request.headers['sec-websocket-extensions'], undefined);
  client.send('plain'.repeat(100));
  assert.equal(String((await once(client, 'message'))[0]), 'plain'.repeat(100));
  client.terminate();
});

test('a message in fragments arrives as one', async () => {
  const {client} = await open(hawser.edge);
  for (const [part, fin] of [['one ', false], ['two ', false], ['three', true]]) client.send(part, {fin});
  assert.equal(String((await once(client, 'message'))[0]), 'one two three');
  client.terminate();
});

test('a refusal of the server reaches the client', async (t) => {
  const refusing = new WebSocketServer({port: 0, host: '127.0.0.1', verifyClient: (_, answer) => answer(false, 403, 'no entry')});
  await once(refusing, 'listening');
  const other = await startHawser({ports: [refusing.address().port]});
  t.after(async () => { await other.stop(); refusing.close(); });
  const client = new WebSocket(other.edge, {rejectUnauthorized: false});
  const [, response] = await once(client, 'unexpected-response');
  assert.equal(response.statusCode, 403);
  client.on('error', () => {});
  client.terminate();
});

test('pings that hawser puts in are answered by both and seen by neither application as messages', async (t) => {
  const other = await startHawser({ports: [server.address().port], keepalive: '{ interval: 100ms, timeout: 10s, to: both }'});
  t.after(other.stop);
  const {client, backend} = await open(other.edge);
  let pings = 0;
  client.on('ping', () => ++pings);
  await eventually(() => pings >= 3 && backend.pings >= 3);
  client.send('still in step');
  assert.equal(String((await once(client, 'message'))[0]), 'still in step');
  client.close(1000);
  await once(client, 'close');
  const line = await eventually(() => other.log()[0]);
  assert.ok(line.pings_sent >= 6, line);
  assert.ok(line.rtt_ms > 0, line);
  assert.equal(line.messages_in, 1);
});

test('on SIGTERM clients and servers hear 1001', async (t) => {
  const other = await startHawser({ports: [server.address().port]});
  t.after(other.stop);
  const {client, backend} = await open(other.edge);
  other.terminate();
  assert.equal((await once(client, 'close'))[0], 1001);
  assert.equal((await backend.closed)[0], 1001);
});
