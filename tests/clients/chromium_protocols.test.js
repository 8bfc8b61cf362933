// What a page in Chromium does beside its WebSocket (fetch, EventSource, Socket.IO by polling and upgrade), over HTTP/1.1
// and over HTTP/2, must all meet the backend that the page came from.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Server} from 'socket.io';
import {WebSocketServer} from 'ws';

import {startBackends} from './backends.js';
import {haveBrowser, startBrowser} from './browser.js';
import {cookieAffinity, eventually, startHawser} from './hawser.js';

const options = {skip: haveBrowser ? false : 'no Chromium here', timeout: 240_000};
let backends, hawser;

function pageServer(http, name) {
  const answers = {
    '/': (response) => response.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>${name}</title><script src="/socket.io/socket.io.js"></script>`),
    '/name': (response) => response.end(name),
    '/events': (response) => {
      response.setHeader('Content-Type', 'text/event-stream');
      response.write(`data: ${name}\n\n`);
    },
  };
  const polling = new Server(http);  // serves its client, too
  polling.on('connection', (socket) => socket.on('name', (answer) => answer(name)));
  http.prependListener('request', (request, response) => answers[request.url]?.(response));
  const sockets = new WebSocketServer({noServer: true});
  http.on('upgrade', (request, socket, head) => {
    if (request.url !== '/ws') return;
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.send(name);
      client.on('message', (data, binary) => client.send(data, {binary}));
    });
  });
  return polling;
}

before(async () => {
  if (!haveBrowser) return;
  backends = await startBackends(pageServer);
  hawser = await startHawser({ports: backends.ports, cluster: cookieAffinity, workers: 2});
});
after(async () => {
  if (!haveBrowser) return;
  await hawser.stop();
  backends.all.forEach(({app}) => app.disconnectSockets(true));
  backends.stop();
});

// Runs in the page: the name that each way of talking to the backend brought, and what protocol carried the page.
async function talkEveryWay() {
  const first = (source) => new Promise((resolve, reject) => {
    source.addEventListener('message', ({data}) => resolve(data), {once: true});
    source.addEventListener('error', () => reject(new Error(`${source.constructor.name} failed`)), {once: true});
  });
  const names = {fetch: await (await fetch('/name')).text()};
  const events = new EventSource('/events');
  names.events = await first(events);
  events.close();
  const socket = new WebSocket(`wss://${location.host}/ws`);
  socket.binaryType = 'arraybuffer';
  names.socket = await first(socket);
  const sizes = [];
  for (const size of [0, 1, 126, 65536, 4 << 20]) {
    const message = first(socket);
    socket.send(new Uint8Array(size));
    sizes.push((await message).byteLength);
  }
  socket.close(1000);
  const polling = io({forceNew: true});
  names.polling = await polling.emitWithAck('name');
  while (polling.io.engine.transport.name !== 'websocket') await new Promise((resolve) => setTimeout(resolve, 10));
  names.upgraded = await polling.emitWithAck('name');
  polling.disconnect();
  return {names, sizes, protocol: performance.getEntriesByType('navigation')[0].nextHopProtocol};
}

async function visit(t, ...flags) {
  const browser = await startBrowser(...flags);
  t.after(() => browser.close());
  const seen = [];
  for (let i = 0; i < 3; ++i) {
    const context = await browser.newContext({ignoreHTTPSErrors: true});
    const page = await context.newPage();
    await page.goto(hawser.https + '/');
    const title = await page.title();
    seen.push({title, ...await page.evaluate(talkEveryWay)});
    await context.close();
  }
  for (const {title, names, sizes} of seen) {
    assert.deepEqual(names, {fetch: title, events: title, socket: title, polling: title, upgraded: title});
    assert.deepEqual(sizes, [0, 1, 126, 65536, 4 << 20]);
  }
  return [...new Set(seen.map(({protocol}) => protocol))];
}

const socketsInLog = () => hawser.log().filter(({path, event}) => path === '/ws' && event === 'tunnel');

test('over HTTP/1.1', options, async (t) => {
  assert.deepEqual(await visit(t, '--disable-http2'), ['http/1.1']);
  assert.deepEqual([...new Set(socketsInLog().map(({protocol}) => protocol))], ['HTTP/1.1']);
});

test('over HTTP/2, each WebSocket as a stream of the page\'s connection (RFC 8441)', options, async (t) => {
  const before = socketsInLog().length;
  assert.deepEqual(await visit(t), ['h2']);
  const opened = await eventually(() => socketsInLog().length === before + 3 && socketsInLog().slice(before));
  assert.deepEqual(opened.map(({protocol, status}) => [protocol, status]), Array(3).fill(['HTTP/2', 200]));
});
