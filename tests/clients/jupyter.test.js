// docs/examples/jupyter.yaml and jupyter_server_config.py: Debian's Jupyter server and its Python kernel, as a browser uses them.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {before, test} from 'node:test';

import WebSocket from 'ws';

import {startExample} from './hawser.js';
import {atEnd, exampleFile, freePort, listens, newFolder, startServer} from './software.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
const token = 'the token of the test';
let hawser, server, visitor;

before(async () => {
  const folder = newFolder();
  const port = await freePort();
  const name = 'jupyter_server_config.py';
  writeFileSync(join(folder, name), exampleFile(name, {'= 8888': `= ${port}`}));
  server = await startServer('/usr/bin/jupyter-server', [`--config=${join(folder, name)}`, '--allow-root'],
    {folder, env: {HOME: folder, JUPYTER_TOKEN: token}, ready: () => listens(port)});
  hawser = await startExample('jupyter', {'127.0.0.1:8888': port});
  atEnd(hawser.stop);
  visitor = startVisitor(hawser.origin);
  atEnd(visitor.leave);
}, options);

const xsrf = () => visitor.cookie.match(/_xsrf=([^;]*)/)[1];

test('the page takes the token, and the cookie is for TLS only', options, async () => {
  const page = await visitor.get('/jupyter/login');
  assert.equal(page.status, 200);
  assert.match(page.body, /<form action="\/jupyter\/login/);
  assert.equal((await visitor.get('/jupyter/api/kernels')).status, 403);
  const {status, headers} = await visitor.ask('POST', '/jupyter/login', {
    headers: {'Content-Type': 'application/x-www-form-urlencoded'},
    body: new URLSearchParams({_xsrf: xsrf(), password: token}).toString(),
  });
  assert.equal(status, 302);
  assert.match(headers['set-cookie'].find((cookie) => cookie.startsWith('username-')), /; Secure/i);
  assert.equal((await visitor.get('/jupyter/api/kernels')).status, 200);
});

// A message of Jupyter's protocol that runs some code.
const execute = (code) => JSON.stringify({
  channel: 'shell',
  header: {msg_id: code, msg_type: 'execute_request', session: 'test', username: 'test', version: '5.3',
    date: new Date().toISOString()},
  parent_header: {},
  metadata: {},
  content: {code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false, stop_on_error: true},
  buffers: [],
});

// What the code prints, until the kernel has nothing more to do for it.
async function run(socket, code) {
  let printed = '';
  const idle = new Promise((resolve) => socket.on('message', (data) => {
    const {msg_type, parent_header, content} = JSON.parse(data);
    if (parent_header.msg_id !== code) return;
    if (msg_type === 'stream') printed += content.text;
    if (msg_type === 'status' && content.execution_state === 'idle') resolve();
  }));
  socket.send(execute(code));
  await idle;
  return printed;
}

async function startKernel() {
  const {status, body} = await visitor.ask('POST', '/jupyter/api/kernels', {headers: {'X-XSRFToken': xsrf()}});
  assert.equal(status, 201);
  return JSON.parse(body).id;
}

const channels = (kernel, origin) => new WebSocket(`${hawser.edge}/jupyter/api/kernels/${kernel}/channels?session_id=test`,
  {rejectUnauthorized: false, origin, headers: {Cookie: visitor.cookie}});

test('a kernel computes over its WebSocket', options, async () => {
  const socket = channels(await startKernel(), hawser.origin);
  await once(socket, 'open');
  assert.equal(await run(socket, 'print(6 * 7)'), '42\n');
  assert.equal(await run(socket, 'print("wave" * 250_000)'), `${'wave'.repeat(250_000)}\n`);
  socket.close();
  await once(socket, 'close');
});

test('a page of another origin reaches no kernel', options, async () => {
  const kernel = await startKernel();
  const [, response] = await once(channels(kernel, 'https://evil.example').on('error', () => {}), 'unexpected-response');
  assert.equal(response.statusCode, 403);
  response.destroy();
});

test('a host name of its own is welcome, and the log has the client', options, async () => {
  const headers = {Host: 'jupyter.example.com', 'X-Forwarded-For': '192.0.2.1'};
  const {status} = await visitor.ask('GET', '/jupyter/api/kernels', {headers});
  assert.equal(status, 403);  // of the login: the cookie belongs to the other name
  assert.match(server.output(), /403 GET \/jupyter\/api\/kernels \(127\.0\.0\.1\)/);
  assert.doesNotMatch(server.output(), /non-local 'Host'/);
});
