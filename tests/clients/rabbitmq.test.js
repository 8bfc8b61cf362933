// docs/examples/rabbitmq.*: Debian's RabbitMQ with its plugin web-stomp, and stompjs as pages use it.
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {before, test} from 'node:test';

import {Client} from '@stomp/stompjs';
import WebSocket from 'ws';

import {eventually, startExample} from './hawser.js';
import {atEnd, exampleFile, freePort, listens, newFolder, startServer} from './software.js';

const options = {timeout: 240_000};
const known = {login: 'chat', passcode: 'change-me'};  // of rabbitmq.conf
let hawser;

// A node that shares nothing with others of this machine: its port mapper, its cookie (in HOME) and its files are its own. The
// server's own script runs as any user; the one in /usr/sbin becomes the user rabbitmq.
async function startRabbitmq() {
  const folder = newFolder();
  const [amqp, stomp, distribution, mapper] = [await freePort(), await freePort(), await freePort(), await freePort()];
  writeFileSync(join(folder, 'rabbitmq.conf'), exampleFile('rabbitmq.conf', {':5672': `:${amqp}`, '15674': stomp}));
  writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_web_stomp].\n');
  await startServer('epmd', ['-port', String(mapper), '-address', '127.0.0.1'], {folder, ready: () => listens(mapper)});
  await startServer('/usr/lib/rabbitmq/bin/rabbitmq-server', [], {
    folder,
    env: {
      HOME: folder,
      ERL_EPMD_PORT: String(mapper),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_NODENAME: 'example@localhost',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    },
    ready: () => listens(stomp),
  });
  return stomp;
}

before(async () => {
  hawser = await startExample('rabbitmq', {'127.0.0.1:15674': await startRabbitmq()});
  atEnd(hawser.stop);
}, options);

// Resolves once it is connected; rejects with what the broker says, or when the connection ends first.
async function connect(t, more = {}) {
  const client = new Client({
    webSocketFactory: () => new WebSocket(`${hawser.edge}/ws`, ['v12.stomp'], {rejectUnauthorized: false}),
    connectHeaders: known,
    reconnectDelay: 0,
    ...more,
  });
  t.after(() => client.deactivate());
  await new Promise((resolve, reject) => {
    client.onConnect = resolve;
    client.onStompError = (frame) => reject(new Error(frame.headers.message));
    client.onWebSocketClose = ({code}) => reject(new Error(`closed with ${code}`));
    client.activate();
  });
  return client;
}

// Once the broker knows of the subscription, a function that gives its next message.
function subscribe(client, destination) {
  const arrived = [];
  const waiting = new Promise((resolve) => {
    client.watchForReceipt('subscribed', resolve);
    client.subscribe(destination, (message) => arrived.push(message), {receipt: 'subscribed'});
  });
  return waiting.then(() => () => eventually(() => arrived.shift()));
}

test('what one client sends another receives', options, async (t) => {
  const [sender, receiver] = [await connect(t), await connect(t)];
  const next = await subscribe(receiver, '/topic/weather');
  for (const body of ['grüße 🌊', 'x'.repeat(1_000_000)]) {
    sender.publish({destination: '/topic/weather', body});
    assert.equal((await next()).body, body);
  }
  const binaryBody = new Uint8Array(100_000).fill(0);
  sender.publish({destination: '/topic/weather', binaryBody});
  assert.deepEqual((await next()).binaryBody, binaryBody);
});

test('heart-beats pass both ways', options, async (t) => {
  const beats = [];
  const debug = (line) => beats.push(line);
  await connect(t, {heartbeatIncoming: 200, heartbeatOutgoing: 200, debug});
  for (const beat of ['<<< PONG', '>>> PING']) await eventually(() => beats.filter((line) => line === beat).length > 1);
});

test('guest is nobody, and neither is a client without a name', options, async (t) => {
  for (const connectHeaders of [{login: 'guest', passcode: 'guest'}, {}]) {
    await assert.rejects(connect(t, {connectHeaders}), /Bad CONNECT/);
  }
});

test('a page of another origin is refused', options, async (t) => {
  const from = (origin) => connect(t, {
    webSocketFactory: () => new WebSocket(`${hawser.edge}/ws`, ['v12.stomp'], {rejectUnauthorized: false, origin})
      .on('error', () => {}),
  });
  await assert.rejects(from('https://evil.example'), /closed with 1006/);
  await from(hawser.origin);
});
