// Socket.IO, server and client, over TLS and three servers that do not share their sessions: a request that reaches a
// server other than its session's is answered "Session ID unknown". By the cookie and by the sid alone, and as
// docs/examples/socket-io.yaml has it, which takes both kinds of clients.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {after, before, test} from 'node:test';

import {Server} from 'socket.io';
import {io} from 'socket.io-client';

import {names, startBackends} from './backends.js';
import {cookieAffinity, eventually, startExample, startHawser} from './hawser.js';

const options = {timeout: 240_000};
let backends;
let refusals = [];  // what the servers refused of sessions that they never had: {name, code, message}

before(async () => {
  backends = await startBackends((http, name) => {
    const server = new Server(http, {serveClient: false});
    const begun = new Set();  // a client that leaves may have a poll on its way, which then comes too late
    server.engine.on('connection', ({id}) => begun.add(id));
    server.engine.on('connection_error', ({req, code, message}) => {
      if (!begun.has(new URL(req.url, 'http://server').searchParams.get('sid'))) refusals.push({name, code, message});
    });
    server.on('connection', (socket) => {
      socket.on('name', (answer) => answer(name));
      socket.on('echo', (message, answer) => answer(message));
      socket.on('say later', (message) => setImmediate(() => socket.emit('said', message)));
    });
    return server;
  });
});
after(() => {
  backends.all.forEach(({app}) => app.disconnectSockets(true));
  backends.stop();
});

async function startSticky(t, {route, cluster}) {
  refusals = [];
  const hawser = await startHawser({ports: backends.ports, route, cluster, workers: 2});
  t.after(hawser.stop);
  return hawser;
}

async function startTheExample(t, servers = backends) {
  refusals = [];
  const hawser = await startExample('socket-io', servers.at('127.0.0.1:3001', '127.0.0.1:3002', '127.0.0.1:3003'));
  t.after(hawser.stop);
  return hawser;
}

// A client of its own, with a connection of its own; it does not try again after a refusal.
function connect(t, hawser, more = {}) {
  const socket = io(hawser.origin, {forceNew: true, reconnection: false, rejectUnauthorized: false, ...more});
  t.after(() => socket.disconnect());
  return socket;
}

const connected = (socket) => new Promise((resolve, reject) => {
  socket.once('connect', resolve);
  socket.once('connect_error', reject);
});

const upgraded = (socket) => eventually(() => socket.io.engine.transport.name === 'websocket');

// What one client does: small and large messages, text and binary, both ways. Returns who served it.
async function converse(socket) {
  const name = await socket.emitWithAck('name');
  assert.equal(await socket.emitWithAck('echo', 'grüße 🌊'), 'grüße 🌊');
  const large = Buffer.alloc(100_000, 'rope');
  assert.ok(large.equals(await socket.emitWithAck('echo', large)));
  const said = once(socket, 'said');
  socket.emit('say later', name);
  assert.deepEqual(await said, [name]);
  assert.equal(await socket.emitWithAck('name'), name);
  return name;
}

// Six at once, a dozen requests each: without stickiness one of them would fail almost certainly. Returns who served them.
async function converseAtOnce(t, hawser, more, upgrades) {
  const sockets = Array.from({length: 6}, () => connect(t, hawser, more));
  await Promise.all(sockets.map(connected));
  const served = await Promise.all(sockets.map(converse));
  if (upgrades) await Promise.all(sockets.map(upgraded));
  assert.deepEqual(await Promise.all(sockets.map(converse)), served);
  assert.deepEqual(refusals, []);
  sockets.forEach((socket) => socket.disconnect());
  return served;
}

async function converseAll(...how) {
  for (const seen = new Set(); seen.size < names.length;) (await converseAtOnce(...how)).forEach((name) => seen.add(name));
}

// The requests of a session: all but its first name it.
const namesItsSession = ({path, query = ''}) => (path + query).includes('sid=');
const ofSessions = (hawser) => hawser.log().filter(namesItsSession);

test('without affinity a session is lost', options, async (t) => {
  const hawser = await startSticky(t, {});
  await assert.rejects(connected(connect(t, hawser)));
  assert.ok(refusals.some(({message}) => message === 'Session ID unknown'), JSON.stringify(refusals));
});

test('by the cookie: polling, then upgrade', options, async (t) => {
  const hawser = await startSticky(t, {cluster: cookieAffinity});
  await converseAll(t, hawser, {withCredentials: true}, true);
  await eventually(() => hawser.log().filter(({event}) => event === 'tunnel').length >= 6);
  assert.deepEqual([...new Set(ofSessions(hawser).map(({affinity}) => affinity))], ['hit']);
});

test('by the cookie: polling for ever', options, async (t) => {
  const hawser = await startSticky(t, {cluster: cookieAffinity});
  await converseAll(t, hawser, {withCredentials: true, transports: ['polling']}, false);
});

test('by the sid, without cookies: polling, then upgrade', options, async (t) => {
  const hawser = await startSticky(t, {route: 'affinity: socket.io'});
  await converseAll(t, hawser, {}, true);
  const tunnels = await eventually(() => {
    const lines = hawser.log().filter(({event}) => event === 'tunnel');
    return lines.length >= 6 && lines;
  });
  assert.ok(tunnels.every(namesItsSession));
  assert.deepEqual([...new Set(ofSessions(hawser).map(({affinity}) => affinity))], ['hit']);
});

test('by the sid, without cookies: polling for ever', options, async (t) => {
  const hawser = await startSticky(t, {route: 'affinity: socket.io'});
  await converseAll(t, hawser, {transports: ['polling']}, false);
});

for (const [clients, more] of [['with cookies', {withCredentials: true}], ['without cookies', {}]]) {
  test(`the example: clients ${clients}, by polling and upgrade, polling alone, and a WebSocket alone`, options, async (t) => {
    const hawser = await startTheExample(t);
    await converseAll(t, hawser, more, true);
    await converseAll(t, hawser, {...more, transports: ['polling']}, false);
    await converseAll(t, hawser, {...more, transports: ['websocket']}, true);
  });
}

test('the example: a WebSocket from a page of another origin is refused', options, async (t) => {
  const hawser = await startTheExample(t);
  const from = (origin) => connected(connect(t, hawser, {transports: ['websocket'], extraHeaders: {Origin: origin}}));
  await assert.rejects(from('https://evil.example'));
  await from(hawser.origin);
});

test('the example: a server that dies loses its sessions, and its clients find another by themselves', options, async (t) => {
  const mortal = await startBackends((http, name) => {
    const server = new Server(http, {serveClient: false});
    server.on('connection', (socket) => socket.on('name', (answer) => answer(name)));
    return server;
  });
  t.after(mortal.stop);
  const hawser = await startTheExample(t, mortal);
  const socket = connect(t, hawser, {transports: ['polling'], reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 50});
  await connected(socket);
  const first = await socket.emitWithAck('name');
  const again = once(socket, 'connect');
  mortal.named(first).stop();
  await again;
  assert.notEqual(await socket.emitWithAck('name'), first);
});
