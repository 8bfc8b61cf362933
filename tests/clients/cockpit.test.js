// docs/examples/cockpit.*: Debian's Cockpit, its login page, its own rules of origins, and a session of its bridge. The session
// starts without a login, which would need the machine's users.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {before, test} from 'node:test';

import WebSocket from 'ws';

import {haveBrowser, startBrowser} from './browser.js';
import {startExample} from './hawser.js';
import {atEnd, exampleFile, freePort, listens, newFolder, startServer} from './software.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
const host = 'cockpit.example.com:8443';
let login, session;  // hawser in front of a Cockpit that asks for a login, and of one that does not

async function start(...more) {
  const folder = newFolder();
  const port = await freePort();
  mkdirSync(join(folder, 'cockpit'));
  writeFileSync(join(folder, 'cockpit/cockpit.conf'), exampleFile('cockpit.conf', {}));
  await startServer('/usr/lib/cockpit/cockpit-ws', ['--address', '127.0.0.1', '--port', String(port), '--no-tls', ...more],
    {folder, env: {XDG_CONFIG_DIRS: folder, HOME: folder}, ready: () => listens(port)});
  const hawser = await startExample('cockpit', {'127.0.0.1:9090': port});
  atEnd(hawser.stop);
  return hawser;
}

before(async () => {
  login = await start();
  session = await start('--local-session', '/usr/bin/cockpit-bridge');
}, options);

test('the login page knows that it came over TLS, under which name', options, async () => {
  const visitor = startVisitor(login.origin);
  const {status, headers, body} = await visitor.ask('GET', '/', {headers: {Host: host}});
  assert.equal(status, 200);
  assert.match(body, /id="login-button"/);
  assert.match(headers['content-security-policy'], new RegExp(`wss://${host}`));
  assert.match(headers['set-cookie'][0], /; Secure/);
  visitor.leave();
});

const open = (hawser, origin) => new WebSocket(`${hawser.edge}/cockpit/socket`, ['cockpit1'],
  {rejectUnauthorized: false, origin, headers: {Host: host}});

test('its WebSocket is for its own pages alone', options, async () => {
  const socket = open(login, `https://${host}`);
  assert.match(String((await once(socket, 'message'))[0]), /"problem":"no-session"/);
  for (const origin of ['https://evil.example', `http://${host}`, undefined]) {
    const [, response] = await once(open(login, origin).on('error', () => {}), 'unexpected-response');
    assert.equal(response.statusCode, 403);
    response.destroy();
  }
});

test('a process of the machine talks over the WebSocket', options, async () => {
  const socket = open(session, `https://${host}`);
  const said = [];
  socket.on('message', (data) => said.push(String(data)));
  const hear = (what) => new Promise((resolve) => {
    const look = () => { if (said.join('').includes(what)) resolve(); };
    socket.on('message', look);
    look();
  });
  await hear('"command":"init"');
  socket.send('\n{"command":"init","version":1}');
  socket.send('\n{"command":"open","channel":"1:cat","payload":"stream","spawn":["cat"]}');
  await hear('"command":"ready"');
  for (const text of ['grüße 🌊', 'x'.repeat(30_000)]) {
    socket.send(`1:cat\n${text}`);
    await hear(`1:cat\n${text}`);
  }
  socket.close();
  await once(socket, 'close');
});

test('a browser shows the machine', {...options, skip: haveBrowser ? false : 'no Chromium here'}, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await (await browser.newContext({ignoreHTTPSErrors: true})).newPage();
  await page.goto(`${session.origin}/`);
  await page.waitForFunction(() => Array.from({length: frames.length}, (_, i) => frames[i].document.body?.innerText ?? '')
    .some((text) => /\d% of \d+ CPU/.test(text)));
});
