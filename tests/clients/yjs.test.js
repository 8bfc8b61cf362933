// Yjs through docs/examples/yjs.yaml: two y-websocket servers that share nothing, and clients that must reach the same one by
// the name of their document.
import assert from 'node:assert/strict';
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {test} from 'node:test';

import {WebSocket} from 'ws';
import {WebsocketProvider} from 'y-websocket';
import * as Y from 'yjs';

import {eventually, startExample} from './hawser.js';

const options = {timeout: 240_000};
const rooms = Array.from({length: 16}, (_, i) => `room-${i}`);

class Socket extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, {rejectUnauthorized: false});
  }
}

async function startServer(t) {
  const child = fork(new URL('yjs_server.js', import.meta.url).pathname);
  const [port] = await once(child, 'message');
  const stop = () => child.kill('SIGKILL');
  t.after(stop);
  return {port, stop};
}

async function start(t) {
  const servers = [await startServer(t), await startServer(t)];
  const hawser = await startExample('yjs', {'127.0.0.1:1234': servers[0].port, '127.0.0.1:1235': servers[1].port});
  t.after(hawser.stop);
  // One who edits the document of that name.
  const edit = (room) => {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(`${hawser.edge}/yjs`, room, doc, {WebSocketPolyfill: Socket, disableBc: true, params: {room}});
    const leave = () => { provider.destroy(); doc.destroy(); };  // the latter ends the timer of its awareness
    t.after(leave);
    return {provider, leave, text: doc.getText('text')};
  };
  return {servers, hawser, edit};
}

const agree = (one, other, text) => eventually(() => String(one.text) === text && String(other.text) === text);

test('those who edit one document meet on one server', options, async (t) => {
  const {hawser, edit} = await start(t);
  for (const room of rooms) {
    const [one, other] = [edit(room), edit(room)];
    await eventually(() => one.provider.synced && other.provider.synced);
    one.text.insert(0, `hello ${room}`);
    await agree(one, other, `hello ${room}`);
    other.text.insert(0, 'grüße 🌊, ');
    await agree(one, other, `grüße 🌊, hello ${room}`);
    one.provider.awareness.setLocalStateField('user', room);
    await eventually(() => [...other.provider.awareness.getStates().values()].some(({user}) => user === room));
    const late = edit(room);
    await agree(one, late, `grüße 🌊, hello ${room}`);
    for (const {leave} of [one, other, late]) leave();
  }
  const tunnels = await eventually(() => hawser.log().length >= 3 * rooms.length && hawser.log());
  assert.equal(new Set(tunnels.map(({endpoint}) => endpoint)).size, 2);
});

test('when a server dies its documents move to the other one, with all that their clients know', options, async (t) => {
  const {servers, edit} = await start(t);
  const pairs = rooms.map((room) => ({room, one: edit(room), other: edit(room)}));
  for (const {room, one, other} of pairs) {
    one.text.insert(0, room);
    await agree(one, other, room);
  }
  const codes = [];
  for (const {one, other} of pairs) {
    for (const {provider} of [one, other]) provider.on('connection-close', (event) => event && codes.push(event.code));
  }
  servers[0].stop();
  await eventually(() => codes.length > 0);
  for (const {room, one, other} of pairs) {
    other.text.insert(0, 'again ');
    await agree(one, other, `again ${room}`);
  }
  assert.equal(codes[0], 1001);
});
