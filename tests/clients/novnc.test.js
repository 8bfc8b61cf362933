// docs/examples/novnc.yaml: Debian's noVNC in Chromium, websockify, and TigerVNC's server with an empty desktop.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {before, test} from 'node:test';

import WebSocket from 'ws';

import {haveBrowser, startBrowser} from './browser.js';
import {startExample} from './hawser.js';
import {atEnd, freePort, listens, newFolder, startServer} from './software.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
let hawser;

before(async () => {
  const folder = newFolder();
  const [rfb, web] = [await freePort(), await freePort()];
  await startServer('Xtigervnc', ['-displayfd', '1', '-rfbport', String(rfb), '-localhost', '-SecurityTypes', 'None',
    '-geometry', '640x480', '-nolisten', 'tcp'], {folder, ready: () => listens(rfb)});
  await startServer('websockify', ['--web', '/usr/share/novnc', `127.0.0.1:${web}`, `127.0.0.1:${rfb}`],
    {folder, ready: () => listens(web)});
  hawser = await startExample('novnc', {'127.0.0.1:6080': web});
  atEnd(hawser.stop);
}, options);

test('the page shows the desktop', {...options, skip: haveBrowser ? false : 'no Chromium here'}, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await (await browser.newContext({ignoreHTTPSErrors: true})).newPage();
  await page.goto(`${hawser.origin}/`);
  assert.equal(new URL(page.url()).pathname, '/vnc.html');
  await page.click('#noVNC_connect_button');
  await page.waitForSelector('html.noVNC_connected canvas');
  assert.deepEqual(await page.$eval('canvas', ({width, height}) => [width, height]), [640, 480]);
});

const open = (origin) => new WebSocket(`${hawser.edge}/websockify`, ['binary'], {rejectUnauthorized: false, origin});

test('the server greets in the subprotocol binary', options, async () => {
  const socket = open(hawser.origin);
  const [greeting, binary] = await once(socket, 'message');
  assert.ok(binary);
  assert.match(String(greeting), /^RFB 003\.\d{3}\n$/);
  assert.equal(socket.protocol, 'binary');
  socket.close();
  await once(socket, 'close');
});

test('pages of other origins, and clients that name none, see no desktop', options, async () => {
  for (const origin of ['https://evil.example', undefined]) {
    const [, response] = await once(open(origin).on('error', () => {}), 'unexpected-response');
    assert.equal(response.statusCode, 403);
    response.destroy();
  }
});

test('/ is no listing of files', options, async () => {
  const visitor = startVisitor(hawser.origin);
  const {status, headers} = await visitor.get('/');
  assert.deepEqual([status, new URL(headers.location, hawser.origin).pathname], [302, '/vnc.html']);
  visitor.leave();
});
