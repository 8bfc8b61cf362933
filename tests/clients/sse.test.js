// Server-sent events through the npm package eventsource, with the cookie of affinity: an event stream and the POSTs that
// cause its events meet the same server, and every event comes when it is sent, not when a buffer is full.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {after, before, test} from 'node:test';

import {EventSource} from 'eventsource';

import {names, startBackends, textOf} from './backends.js';
import {cookieAffinity, eventually, startHawser} from './hawser.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
let backends, hawser;

// GET /events opens a stream that begins with the server's name; POST /say sends the body to every stream of this server,
// POST /cut ends them; they come again by themselves and say with which event they ended.
function eventServer(http, name) {
  const streams = new Set();
  let id = 0;
  const answers = {
    '/events': (request, response) => {
      response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
      response.write(`retry: 20\nevent: hello\ndata: ${name} ${request.headers['last-event-id'] ?? 'none'}\n\n`);
      streams.add(response);
      response.on('close', () => streams.delete(response));
    },
    '/say': async (request, response) => {
      const text = await textOf(request);
      ++id;
      for (const stream of streams) stream.write(`id: ${id}\ndata: ${text}\n\n`);
      response.end(name);
    },
    '/cut': (request, response) => {
      for (const stream of streams) stream.end();
      response.end(name);
    },
    '/': (request, response) => response.end(name),
  };
  http.on('request', (request, response) => answers[request.url](request, response));
  return streams;
}

before(async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';  // of fetch, which takes no certificate of its own
  backends = await startBackends(eventServer);
  hawser = await startHawser({ports: backends.ports, cluster: cookieAffinity, workers: 2});
});
after(async () => {
  await hawser.stop();
  backends.stop();
});

async function open(t, visitor) {
  const source = new EventSource(`${hawser.https}/events`, {
    fetch: (url, init) => fetch(url, {...init, headers: {...init.headers, Cookie: visitor.cookie}}),
  });
  t.after(() => source.close());
  const [{data}] = await once(source, 'hello');
  return {source, hello: data};
}

test('a stream and its posts meet the same server, and each event comes at once', options, async (t) => {
  const seen = new Set();
  for (let i = 0; i < 6; ++i) {
    const visitor = startVisitor(hawser.https);
    const {body: name} = await visitor.get('/');
    const {source, hello} = await open(t, visitor);
    assert.equal(hello, `${name} none`);
    for (const text of ['one', 'two', 'drei 🌊']) {
      const event = once(source, 'message');
      assert.equal((await visitor.post('/say', text)).body, name);
      assert.equal((await event)[0].data, text);
    }
    source.close();
    await eventually(() => backends.named(name).app.size === 0);  // the server hears that the client left
    visitor.leave();
    seen.add(name);
  }
  assert.deepEqual([...seen].sort(), names);
});

test('a stream that ends comes back to the same server with its last event', options, async (t) => {
  const visitor = startVisitor(hawser.https);
  const {body: name} = await visitor.get('/');
  const {source} = await open(t, visitor);
  const event = once(source, 'message');
  await visitor.post('/say', 'remember me');
  const [{lastEventId}] = await event;
  for (let i = 0; i < 3; ++i) {
    const again = once(source, 'hello');
    await visitor.post('/cut', '');
    assert.equal((await again)[0].data, `${name} ${lastEventId}`);
  }
  visitor.leave();
});
