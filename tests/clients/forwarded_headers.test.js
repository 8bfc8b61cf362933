// The tables of docs/examples/forwarded-headers.md, line by line: what is sent, as a request and as a WebSocket handshake, and
// what the backend gets. The page's addresses are loopback here, and its port is the listener's.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {request} from 'node:http';
import {after, before, test} from 'node:test';

import {WebSocket, WebSocketServer} from 'ws';

import {startBackends, textOf} from './backends.js';
import {examples, startExample} from './hawser.js';

const options = {timeout: 240_000};
const page = readFileSync(examples + 'forwarded-headers.md', 'utf8');
let backends;

before(async () => {
  backends = await startBackends((http) => {
    http.on('request', ({rawHeaders}, response) => response.end(JSON.stringify(rawHeaders)));
    new WebSocketServer({server: http}).on('connection', (socket, {rawHeaders}) => socket.send(JSON.stringify(rawHeaders)));
  });
});
after(() => backends.stop());

// {absent, name, value} of a cell such as `Name: value`, no `Name`, or nothing.
function fieldOf(cell) {
  const [, text] = cell.match(/`([^`]+)`/) ?? [];
  if (!text) return null;
  const [, name, value] = text.match(/^([^:]+)(?:: (.*))?$/);
  return {absent: cell.startsWith('no '), name, value};
}

// One entry for each table: its lines, each of three cells.
const tables = page.match(/^\| sent[^]*?(?=\n\n)/gm).map((table) =>
  table.split('\n').slice(2).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())));

// As the page has it: any address of the peer is 127.0.0.1, and 8080 is the listener's port.
const expected = (value, port) => new RegExp('^' + value.replaceAll(/198\.51\.100\.7|10\.0\.0\.1/g, '127.0.0.1').replace('8080', port)
  .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[!-~]+') + '$');

const valueIn = (rawHeaders, name) => rawHeaders.find((_, i) => i % 2 === 1 && rawHeaders[i - 1].toLowerCase() === name.toLowerCase());

async function askPlain(address, headers) {
  const asked = request(`http://${address}/`, {headers});
  asked.end();
  const [response] = await once(asked, 'response');
  return JSON.parse(await textOf(response));
}

async function askWebSocket(address, headers) {
  const socket = new WebSocket(`ws://${address}/`, {headers});
  const [message] = await once(socket, 'message');
  socket.terminate();
  return JSON.parse(message);
}

async function compare(t, lines, column, edits) {
  const hawser = await startExample('forwarded-headers', {'127.0.0.1:3001': backends.ports[0]}, {edits});
  t.after(hawser.stop);
  const address = hawser.address('edge');
  const wrong = [];
  for (const line of lines) {
    const sent = fieldOf(line[0]);
    const {absent, name, value} = fieldOf(line[column]);
    const headers = {Host: 'www.example.com', ...(sent && {[sent.name]: sent.value})};
    for (const ask of [askPlain, askWebSocket]) {
      const got = valueIn(await ask(address, headers), name);
      const right = absent ? got === undefined : got !== undefined && expected(value, address.split(':')[1]).test(got);
      const kept = value === '…' && got === sent?.value;
      if (!right || kept) wrong.push(`${ask.name}: ${line.join(' | ')}: ${got}`);
    }
  }
  assert.deepEqual(wrong, []);
}

const trust = ['10.0.0.0/8', '127.0.0.0/8'];
const realIp = ['trusted_proxies:', 'forwarded: { x_real_ip: true }\n    trusted_proxies:'];

test('the page has two tables', () => assert.deepEqual(tables.map((lines) => lines.length > 2), [true, true]));
test('from others', options, (t) => compare(t, tables[0], 1, []));
test('from a trusted proxy', options, (t) => compare(t, tables[0], 2, [trust]));
test('with x_real_ip, from others', options, (t) => compare(t, tables[1], 1, [realIp]));
test('with x_real_ip, from a trusted proxy', options, (t) => compare(t, tables[1], 2, [trust, realIp]));
