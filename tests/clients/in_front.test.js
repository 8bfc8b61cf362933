// docs/examples/in-front.*: hawser ends TLS in front of other servers of Debian's, which pass everything on to an application.
import assert from 'node:assert/strict';
import {before, describe, test} from 'node:test';

import {startExample} from './hawser.js';
import {peers} from './peers.js';
import {assertEventsPassAtOnce, assertMessagesPass, assertQuietTunnelsStay, assertUploadsPass, client, headersThrough, startApp}
  from './proxied_app.js';
import {atEnd, freePort} from './software.js';

const options = {timeout: 240_000};
const quick = [['interval: 30s', 'interval: 200ms']];

// The time after which each ends a quiet tunnel is a second instead of a minute or more. Caddy has none.
const patience = {
  nginx: {'proxy_buffering off;': 'proxy_buffering off; proxy_read_timeout 1s;'},
  haproxy: {'timeout tunnel 1m': 'timeout tunnel 1s'},
  caddy: {},
  apache: {'ProxyAddHeaders Off': 'ProxyAddHeaders Off\n  ProxyTimeout 1'},
};

for (const [name, {ending, start}] of Object.entries(peers)) {
  describe(`in front of ${name}`, options, () => {
    let app, port;

    before(async () => {
      app = await startApp();
      const web = await freePort();
      await start(`in-front.${ending}`, {8081: web, '127.0.0.1:9000': `127.0.0.1:${app.port}`, ...patience[name]}, web);
      const hawser = await startExample('in-front', {'127.0.0.1:8081': web}, {edits: quick});
      atEnd(hawser.stop);
      port = hawser.address('edge').replace(/.*:/, '');
    });

    test('the application sees the client, and nothing that it makes up', options, async () => {
      const seen = await headersThrough(port, 'chat.example.com:8443');
      if (name !== 'caddy') assert.equal(seen['x-real-ip'], client);  // Caddy 2.6 does not know the client itself
      assert.match(seen['x-forwarded-for'], new RegExp(`^${client}(,|$)`));
      assert.equal(seen['x-forwarded-proto'], 'https');
      assert.equal(seen['x-forwarded-host'], 'chat.example.com:8443');
      assert.equal(seen['x-forwarded-port'], port);
      assert.equal(seen.host, 'chat.example.com:8443');
      assert.doesNotMatch(JSON.stringify(seen), /evil|192\.0\.2/);
    });
    test('events pass at once', options, () => assertEventsPassAtOnce(port, app.streams));
    test('uploads pass', options, () => assertUploadsPass(port));
    test('messages, pings and close codes pass', options, () => assertMessagesPass(port));
    test('a quiet tunnel stays', options, () => assertQuietTunnelsStay(port, 20));
  });
}
