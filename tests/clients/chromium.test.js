// A browser in front of hawser: Chromium opens wss:// and the demo's page.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {after, before, test} from 'node:test';

import {WebSocketServer} from 'ws';

import {haveBrowser, startBrowser} from './browser.js';
import {startDemo, startHawser} from './hawser.js';

const options = {skip: haveBrowser ? false : 'no Chromium here', timeout: 240_000};
let browser, context;

before(async () => {
  if (!haveBrowser) return;
  browser = await startBrowser();
  context = await browser.newContext({ignoreHTTPSErrors: true, viewport: {width: 1280, height: 900}});
});
after(() => browser?.close());

test('a page from behind hawser talks over wss', options, async (t) => {
  const http = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>from the backend</title>');
  });
  const server = new WebSocketServer({server: http, perMessageDeflate: {threshold: 0}, maxPayload: 64 << 20});
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => {
      if (!binary && String(data) === 'close me') socket.close(4003, 'as you wish');
      else socket.send(data, {binary});
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const hawser = await startHawser({
    ports: [http.address().port],
    cluster: 'affinity: { cookie: { name: moor, keys: [ 0123456789abcdef0123456789abcdef ] } }',
    keepalive: '{ interval: 100ms, timeout: 10s, to: both }',
  });
  t.after(async () => {
    await hawser.stop();
    server.close();
    http.close();
    http.closeAllConnections();
  });
  const page = await context.newPage();
  await page.goto(hawser.edge.replace('wss', 'https') + '/');
  assert.equal(await page.title(), 'from the backend');
  const seen = await page.evaluate(async () => {
    const socket = new WebSocket(`wss://${location.host}/chat`, ['chat.v1']);
    socket.binaryType = 'arraybuffer';
    const next = (name) => new Promise((resolve) => socket.addEventListener(name, resolve, {once: true}));
    await next('open');
    const sizes = [];
    for (const size of [0, 1, 126, 65536, 4 << 20]) {
      socket.send(new Uint8Array(size).fill(size));
      sizes.push((await next('message')).data.byteLength);
    }
    socket.send('grüße 🌊');
    const text = (await next('message')).data;
    socket.send('close me');
    const {code, reason, wasClean} = await next('close');
    return {sizes, text, protocol: socket.protocol, extensions: socket.extensions, code, reason, wasClean};
  });
  assert.deepEqual(seen.sizes, [0, 1, 126, 65536, 4 << 20]);
  assert.equal(seen.text, 'grüße 🌊');
  assert.equal(seen.protocol, 'chat.v1');
  assert.match(seen.extensions, /permessage-deflate/);
  assert.deepEqual([seen.code, seen.reason, seen.wasClean], [4003, 'as you wish', true]);
  const [cookie] = await context.cookies();
  assert.equal(cookie.name, 'moor');
  assert.ok(cookie.secure && cookie.httpOnly);
  await page.close();
});

test('the demo page moors sockets, keeps them with their backends, and provokes the limiter', options, async (t) => {
  const demo = await startDemo();
  t.after(demo.stop);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(demo.url);
  await page.waitForFunction(() => document.querySelectorAll('.pier .tile').length === 12);
  await page.click('[data-open="10"]');
  await page.waitForFunction(() => document.querySelectorAll('.pier .tile').length === 22);
  await page.waitForFunction(() => document.getElementById('rtt-median').textContent.includes('ms'));
  await page.waitForFunction(() => Number(document.getElementById('stat-pings').textContent) > 0);

  await page.click('#try');
  await page.waitForFunction(() => document.getElementById('verdict-load').textContent && document.getElementById('verdict-echo').textContent);
  assert.match(await page.textContent('#verdict-echo'), /^All came back to (alpha|bravo|charlie)\.$/);
  assert.match(await page.textContent('#verdict-load'), /·/);

  await page.click('#provoke');
  await page.waitForFunction(() => !document.getElementById('release').disabled, null, {timeout: 120_000});
  const [letIn, turnedAway] = await page.$$eval('#in, #out', (numbers) => numbers.map((each) => Number(each.textContent)));
  assert.equal(letIn + turnedAway, 150);
  assert.ok(letIn <= 60 - 22 && letIn >= 20, `${letIn} were let in`);
  await page.click('#release');
  await page.waitForFunction(() => document.querySelectorAll('#cells .in').length === 0);

  await page.click('[data-close="50"]');
  await page.waitForFunction(() => document.querySelectorAll('.tile').length === 0);
  assert.match(await page.textContent('#log'), /closed with 1000/);
  assert.deepEqual(faults, []);
  await page.close();
});
