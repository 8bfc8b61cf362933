// docs/examples/mosquitto.*: Debian's mosquitto, and MQTT.js as pages use it.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {before, test} from 'node:test';

import mqtt from 'mqtt';
import WebSocket from 'ws';

import {eventually, startExample} from './hawser.js';
import {atEnd, exampleFile, freePort, listens, newFolder, startServer} from './software.js';

const options = {timeout: 240_000};
let hawser, broker;

before(async () => {
  const folder = newFolder();
  const [plain, port] = [await freePort(), await freePort()];
  writeFileSync(join(folder, 'mosquitto.conf'), exampleFile('mosquitto.conf', {'1883 ': `${plain} `, '9001 ': `${port} `}));
  broker = await startServer('/usr/sbin/mosquitto', ['-c', 'mosquitto.conf', '-v'], {folder, ready: () => listens(port)});
  hawser = await startExample('mosquitto', {'127.0.0.1:9001': port});
  atEnd(hawser.stop);
});

async function connect(t, more = {}) {
  const client = await mqtt.connectAsync(`${hawser.edge}/mqtt`, {rejectUnauthorized: false, reconnectPeriod: 0, ...more});
  t.after(() => client.endAsync(true));
  return client;
}

for (const [name, protocolVersion] of [['3.1.1', 4], ['5', 5]]) {
  test(`MQTT ${name}: what one client publishes another receives`, options, async (t) => {
    const [publisher, subscriber] = [await connect(t, {protocolVersion}), await connect(t, {protocolVersion})];
    await subscriber.subscribeAsync(`weather/${name}/#`, {qos: 2});
    for (const qos of [0, 1, 2]) {
      for (const payload of [Buffer.from('grüße 🌊'), Buffer.alloc(20_000, 'wave')]) {
        const received = once(subscriber, 'message');
        await publisher.publishAsync(`weather/${name}/kiel`, payload, {qos});
        const [topic, arrived] = await received;
        assert.equal(topic, `weather/${name}/kiel`);
        assert.ok(payload.equals(arrived));
      }
    }
  });
}

test('a client that vanishes leaves its last will at once', options, async (t) => {
  const subscriber = await connect(t);
  await subscriber.subscribeAsync('wills', {qos: 1});
  const mortal = await connect(t, {will: {topic: 'wills', payload: Buffer.from('gone'), qos: 1, retain: false}});
  const will = once(subscriber, 'message');
  mortal.stream.destroy();
  assert.equal(String((await will)[1]), 'gone');
});

test('a client that says goodbye is heard by the broker', options, async (t) => {
  const client = await connect(t, {clientId: 'polite'});
  await client.endAsync();
  await eventually(() => broker.output().includes('Received DISCONNECT from polite'));
});

const statusOf = (path, protocols, headers = {}) => new Promise((resolve, reject) => {
  const socket = new WebSocket(hawser.edge + path, protocols, {rejectUnauthorized: false, headers});
  socket.on('unexpected-response', (request, response) => { response.destroy(); resolve(response.statusCode); });
  socket.on('open', () => { socket.terminate(); resolve(101); });
  socket.on('error', reject);
});

test('what is not for the broker does not reach it', options, async () => {
  assert.equal(await statusOf('/mqtt', ['mqtt']), 101);
  assert.equal(await statusOf('/mqtt', ['foo']), 404);
  assert.equal(await statusOf('/other', ['mqtt']), 404);
  assert.equal(await statusOf('/mqtt', ['mqtt'], {Origin: 'https://evil.example'}), 403);
  assert.equal(await statusOf('/mqtt', ['mqtt'], {Cookie: 'x'.repeat(14_000)}), 101);
  assert.equal(await statusOf('/mqtt', ['mqtt'], {Cookie: 'x'.repeat(16_000)}), 431);
});
