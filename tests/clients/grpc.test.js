// gRPC (grpc-js, server and client), WebSockets and pages on one port, separated by docs/examples/grpc.yaml. Handlers take and
// return bytes, so that no protoc is needed. What gRPC's C core does with hawser is in grpc_test.py.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';

import grpc from '@grpc/grpc-js';
import {WebSocket, WebSocketServer} from 'ws';

import {startBackends} from './backends.js';
import {eventually, startExample} from './hawser.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
const bytes = {
  requestSerialize: (message) => message, requestDeserialize: (message) => message,
  responseSerialize: (message) => message, responseDeserialize: (message) => message,
};
const service = {
  name: {path: '/test.Echo/Name', requestStream: false, responseStream: false, ...bytes},
  chat: {path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...bytes},
};
const Client = grpc.makeGenericClientConstructor(service, 'Echo');
let web, servers, hawser, client;

async function startServer(name) {
  const server = new grpc.Server();
  server.addService(service, {
    name: (call, answer) => answer(null, Buffer.from(name)),
    chat: (call) => {
      call.on('data', (message) => call.write(Buffer.concat([Buffer.from('re: '), message])));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise((resolve, reject) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(),
    (error, bound) => (error ? reject(error) : resolve(bound))));
  return {port, stop: () => server.forceShutdown()};
}

before(async () => {
  web = await startBackends((http, name) => {
    http.on('request', ({headers}, response) => response.end(`${name}: ${headers['content-type'] ?? 'a page'}`));
    const sockets = new WebSocketServer({server: http});
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${name}: ${data}`)));
  });
  servers = [await startServer('one'), await startServer('two')];
  hawser = await startExample('grpc', {'127.0.0.1:50051': servers[0].port, '127.0.0.1:50052': servers[1].port, '127.0.0.1:3001': web.ports[0]});
  client = new Client(hawser.address('edge'), grpc.credentials.createSsl(readFileSync(hawser.certificate)));
});
after(async () => {
  client.close();
  await hawser.stop();
  servers.forEach(({stop}) => stop());
  web.stop();
});

const nameOnce = () => new Promise((resolve, reject) => client.name(Buffer.alloc(0), {deadline: Date.now() + 60_000},
  (error, answer) => (error ? reject(error) : resolve(String(answer)))));

test('calls of one client reach all servers', options, async () => {
  const seen = new Set();
  await eventually(async () => seen.add(await nameOnce()).size === 2);
});

test('a stream and a WebSocket share the port, both open at once', options, async () => {
  const call = client.chat({deadline: Date.now() + 120_000});
  const socket = new WebSocket(`${hawser.edge}/ws`, {rejectUnauthorized: false});
  await once(socket, 'open');
  for (let i = 0; i < 20; ++i) {
    const answers = [once(call, 'data'), once(socket, 'message')];
    call.write(Buffer.from(`call ${i}`));
    socket.send(`socket ${i}`);
    const [[fromCall], [fromSocket]] = await Promise.all(answers);
    assert.equal(String(fromCall), `re: call ${i}`);
    assert.equal(String(fromSocket), `alpha: socket ${i}`);
  }
  const ended = once(call, 'status');
  call.end();
  assert.equal((await ended)[0].code, grpc.status.OK);
  socket.close(1000);
  await once(socket, 'close');
});

test('pages, and gRPC-Web, go to the web servers', options, async () => {
  const visitor = startVisitor(hawser.origin);
  assert.equal((await visitor.get('/')).body, 'alpha: a page');
  const asked = await visitor.ask('POST', '/test.Echo/Name', {headers: {'Content-Type': 'application/grpc-web+proto'}, body: 'x'});
  assert.equal(asked.body, 'alpha: application/grpc-web+proto');
  visitor.leave();
});

test('when a server dies, the other one has the calls; when both have, the code is UNAVAILABLE', options, async () => {
  servers[0].stop();
  await eventually(() => nameOnce().then((name) => name === 'two', () => false));
  for (let i = 0; i < 10; ++i) assert.equal(await nameOnce(), 'two');
  servers[1].stop();
  await eventually(() => nameOnce().then(() => false, ({code}) => code === grpc.status.UNAVAILABLE));
});
