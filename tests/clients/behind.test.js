// docs/examples/behind-*: hawser behind other proxies of Debian's, which end TLS.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {before, describe, test} from 'node:test';

import {eventually, startExample} from './hawser.js';
import {peers} from './peers.js';
import {assertEventsPassAtOnce, assertLeavingIsNoticed, assertMessagesPass, assertQuietTunnelsStay, assertUploadsPass,
  assertUploadsPassAtOnce, client, headersThrough, open,
  startApp} from './proxied_app.js';
import {atEnd, freePort} from './software.js';

const options = {timeout: 240_000};
const quick = [['interval: 30s', 'interval: 200ms'], ['admin:', 'drain: { window: 0s }\nadmin:']];

// The time after which each ends a quiet tunnel, a second instead of minutes. Caddy has none.
const patience = {
  nginx: {'proxy_read_timeout 150s': 'proxy_read_timeout 1s'},
  haproxy: {'timeout tunnel 150s': 'timeout tunnel 1s'},
  caddy: {},
  apache: {'ProxyTimeout 150': 'ProxyTimeout 1'},
};

// Those that pass on an upload while it comes.
const prompt = ['nginx', 'haproxy'];

for (const [name, {ending, start}] of Object.entries(peers)) {
  describe(`behind ${name}`, options, () => {
    let app, hawser, port;

    before(async () => {
      app = await startApp();
      const address = {'127.0.0.1:8080': 0, '127.0.0.1:9000': app.port};
      hawser = await startExample(`behind-${name}`, address, {edits: quick});
      atEnd(hawser.stop);
      port = await freePort();
      await start(`behind-${name}.${ending}`, {8443: port, '127.0.0.1:8080': hawser.address('edge'), ...patience[name]}, port);
    });

    test('the application sees the client, and nothing that it makes up', options, async () => {
      const seen = await headersThrough(port, 'chat.example.com:8443');
      assert.match(seen['x-forwarded-for'], new RegExp(`^${client}, `));
      assert.equal(seen['x-forwarded-proto'], 'https');
      assert.equal(seen['x-forwarded-host'], 'chat.example.com:8443');
      assert.equal(seen['x-forwarded-port'], String(port));
      assert.equal(seen.host, 'chat.example.com:8443');
      assert.doesNotMatch(JSON.stringify(seen), /evil|192\.0\.2/);
      await eventually(() => hawser.log().find((line) => line.host === 'chat.example.com:8443' && line.client.startsWith(client)));
    });
    test('events pass at once', options, () => assertEventsPassAtOnce(port, app.streams));
    test('uploads pass', options, () => assertUploadsPass(port));
    if (prompt.includes(name)) test('uploads pass at once', options, () => assertUploadsPassAtOnce(port));
    test('messages, pings and close codes pass', options, () => assertMessagesPass(port));
    test('a quiet tunnel stays', options, () => assertQuietTunnelsStay(port, 20));
    test('a drain reaches the client', options, async () => {
      const socket = open(port);
      await once(socket, 'open');
      hawser.terminate();
      assert.equal((await once(socket, 'close'))[0], 1001);
    });
  });
}

test('behind nginx, over a Unix socket: a client that leaves is noticed without another byte', options, async () => {
  const app = await startApp();
  const edits = [['127.0.0.1:8080', 'unix:edge.sock'], ['[ 127.0.0.1 ]', '[ unix ]']];
  const hawser = await startExample('behind-nginx', {'127.0.0.1:9000': app.port}, {edits});
  atEnd(hawser.stop);
  const port = await freePort();
  await peers.nginx.start('behind-nginx.nginx.conf', {8443: port, '127.0.0.1:8080': hawser.address('edge')}, port);
  assert.match((await headersThrough(port, 'chat.example.com'))['x-forwarded-for'], new RegExp(`^${client}`));
  await assertLeavingIsNoticed(port, app.streams);
});
