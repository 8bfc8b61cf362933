// docs/examples/django-channels.yaml: a chat of Debian's Django Channels behind daphne.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {before, test} from 'node:test';

import WebSocket from 'ws';

import {startExample} from './hawser.js';
import {atEnd, freePort, listens, newFolder, startServer} from './software.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
let hawser;

before(async () => {
  const folder = newFolder();
  const port = await freePort();
  await startServer('/usr/bin/daphne', ['--proxy-headers', '-b', '127.0.0.1', '-p', String(port), 'channels_chat:application'], {
    folder,
    env: {PYTHONPATH: import.meta.dirname ?? new URL('.', import.meta.url).pathname, PYTHONDONTWRITEBYTECODE: '1'},
    ready: () => listens(port),
  });
  hawser = await startExample('django-channels', {'127.0.0.1:8001': port});
  atEnd(hawser.stop);
}, options);

const open = (room, more) => new WebSocket(`${hawser.edge}/ws/chat/${room}/`,
  {rejectUnauthorized: false, origin: hawser.origin, ...more});
const next = async (socket) => JSON.parse((await once(socket, 'message'))[0]);

// A member of a room, who has been greeted.
async function enter(t, room, more) {
  const socket = open(room, more);
  t.after(() => socket.terminate());
  return {socket, greeting: await next(socket)};
}

async function statusOf(room, more) {
  const [, response] = await once(open(room, more).on('error', () => {}), 'unexpected-response');
  response.destroy();
  return response.statusCode;
}

test('members of a room hear each other, and those of another do not', options, async (t) => {
  const [anna, ben] = [await enter(t, 'harbour'), await enter(t, 'harbour')];
  const carl = await enter(t, 'open-sea');
  carl.socket.on('message', (data) => assert.fail(String(data)));
  for (const text of ['grüße 🌊', 'x'.repeat(60_000)]) {
    const heard = [next(anna.socket), next(ben.socket)];
    anna.socket.send(JSON.stringify({text}));
    assert.deepEqual(await Promise.all(heard), [{text}, {text}]);
  }
});

test('close codes pass both ways', options, async (t) => {
  const [anna, ben] = [await enter(t, 'codes'), await enter(t, 'codes')];
  const heard = next(ben.socket);
  anna.socket.close(4001);
  assert.deepEqual(await heard, {left: 4001});
  ben.socket.send(JSON.stringify({leave: 4002}));
  assert.equal((await once(ben.socket, 'close'))[0], 4002);
});

test('a message above the limit ends the tunnel ahead of Django', options, async (t) => {
  const [anna, ben] = [await enter(t, 'limits'), await enter(t, 'limits')];
  const heard = next(ben.socket);
  anna.socket.send('x'.repeat(64 * 1024 + 1));
  assert.equal((await once(anna.socket, 'close'))[0], 1009);
  assert.ok('left' in await heard);
});

test('a consumer that does not accept, pages of other origins and clients without one are answered 403', options, async () => {
  assert.equal(await statusOf('closed'), 403);
  for (const origin of ['https://evil.example', undefined]) assert.equal(await statusOf('harbour', {origin}), 403);
  assert.equal(await statusOf('no/such/room'), 500);
});

test('Django sees the client, the host and TLS', options, async (t) => {
  const headers = {'X-Forwarded-For': '192.0.2.1', Host: 'chat.example.com:8443'};
  const visitor = startVisitor(hawser.origin);
  const {body} = await visitor.ask('GET', '/', {headers});
  assert.deepEqual(JSON.parse(body), {client: '127.0.0.1', host: 'chat.example.com:8443', secure: true});
  visitor.leave();
  const {greeting} = await enter(t, 'who', {headers, origin: 'https://chat.example.com:8443'});
  assert.deepEqual(greeting, {client: '127.0.0.1'});
});
