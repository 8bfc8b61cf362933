// SockJS, server and client, each of its transports by itself, through docs/examples/sockjs.yaml. A POST that reaches a
// server other than its session's is answered 404, and the client ends.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {after, before, test} from 'node:test';

import sockjs from 'sockjs';
import SockJS from 'sockjs-client';

import {startBackends} from './backends.js';
import {haveBrowser, startBrowser} from './browser.js';
import {eventually, startExample} from './hawser.js';

const options = {timeout: 240_000};
const script = readFileSync(createRequire(import.meta.url).resolve('sockjs-client/dist/sockjs.js'));
const places = ['127.0.0.1:9991', '127.0.0.1:9992', '127.0.0.1:9993'];
const messages = ['', 'grüße 🌊', 'rope'.repeat(20_000), ...Array.from({length: 10}, (_, i) => `message ${i}`)];
let backends;

// Answers `name` with its name and anything else with itself; `leave` with an end of the session.
function sockjsServer(http, name) {
  http.on('request', ({url}, response) => {
    if (url === '/') response.setHeader('Content-Type', 'text/html').end('<!doctype html><script src="/sockjs.js"></script>');
    if (url === '/sockjs.js') response.setHeader('Content-Type', 'text/javascript; charset=utf-8').end(script);
  });
  const server = sockjs.createServer({log: () => {}});
  server.on('connection', (session) => session.on('data', (text) => {
    if (text === 'leave') session.close(4123, 'as asked');
    else session.write(text === 'name' ? name : text);
  }));
  server.installHandlers(http, {prefix: '/echo'});
  return server;
}

before(async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';  // the client in Node takes no certificate of its own
  backends = await startBackends(sockjsServer);
});
after(() => backends.stop());

// Also runs in the page. One session: the name of its server, what came back, the transport, and how it ended.
function converse(SockJS, url, transport, messages) {
  return new Promise((resolve) => {
    const socket = new SockJS(url, null, {transports: [transport], timeout: 60_000});
    const said = [];
    let used;
    socket.onopen = () => {
      used = socket.transport;
      ['name', ...messages, 'name', 'leave'].forEach((text) => socket.send(text));
    };
    socket.onmessage = ({data}) => said.push(data);
    socket.onclose = ({code, reason}) => resolve({said, code, reason, used});
  });
}

// The name of the server that served this session from its beginning to its end.
function nameIn({said, code, reason}) {
  assert.deepEqual([code, reason], [4123, 'as asked']);
  assert.deepEqual(said.slice(1, -1), messages);
  assert.equal(said.at(-1), said[0]);
  return said[0];
}

test('in Chromium, by the cookie', {...options, skip: haveBrowser ? false : 'no Chromium here'}, async (t) => {
  const hawser = await startExample('sockjs', backends.at(...places));
  t.after(hawser.stop);
  const browser = await startBrowser();
  t.after(() => browser.close());
  for (const seen = new Set(); seen.size < 2;) {  // the servers
    const context = await browser.newContext({ignoreHTTPSErrors: true});
    const page = await context.newPage();
    await page.goto(hawser.origin + '/');
    for (const transport of ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling']) {
      const session = await page.evaluate(`(${converse})(SockJS, '/echo', '${transport}', ${JSON.stringify(messages)})`);
      assert.equal(session.used, transport);
      seen.add(nameIn(session));
    }
    await context.close();
  }
});

for (const transport of ['websocket', 'xhr-streaming', 'xhr-polling']) {
  test(`in Node, without cookies, by the address: ${transport}`, options, async (t) => {
    const hawser = await startExample('sockjs', backends.at(...places), {edits: [['lb_policy: least_request', 'lb_policy: maglev']]});
    t.after(hawser.stop);
    const sessions = [];
    for (let i = 0; i < 3; ++i) sessions.push(await converse(SockJS, `${hawser.origin}/echo`, transport, messages));
    for (const session of sessions) {
      assert.equal(session.used, transport);
      nameIn(session);
    }
  });
}

test('a server that dies: a WebSocket is told 1001, a stream and a poll end with 1006', options, async (t) => {
  for (const [transport, code] of [['websocket', 1001], ['xhr-streaming', 1006], ['xhr-polling', 1006]]) {
    const mortal = await startBackends(sockjsServer);
    t.after(mortal.stop);
    const hawser = await startExample('sockjs', mortal.at(...places), {edits: [['lb_policy: least_request', 'lb_policy: maglev']]});
    t.after(hawser.stop);
    let open, closed;
    const socket = new SockJS(`${hawser.origin}/echo`, null, {transports: [transport], timeout: 60_000});
    socket.onopen = () => { open = true; };
    socket.onclose = (event) => { closed = event; };
    await eventually(() => open || closed);
    mortal.stop();
    assert.equal((await eventually(() => closed)).code, code, transport);
  }
});
