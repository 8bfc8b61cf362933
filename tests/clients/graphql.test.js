// graphql-ws, server and client, beside GraphQL over POST, through docs/examples/graphql-ws.yaml; and with the cookie, by
// which the same backend answers both.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString, graphql} from 'graphql';
import {createClient} from 'graphql-ws';
import {useServer} from 'graphql-ws/use/ws';
import {WebSocket, WebSocketServer} from 'ws';

import {names, startBackends, textOf} from './backends.js';
import {cookieAffinity, eventually, startExample, startHawser} from './hawser.js';
import {startVisitor} from './visitor.js';

const options = {timeout: 240_000};
let backends, hawser;

function schemaOf(name) {
  async function* countTo(_, {last}) {
    for (let count = 1; count <= last; ++count) yield {count};
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({name: 'Query', fields: {server: {type: GraphQLString, resolve: () => name}}}),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {count: {type: GraphQLInt, args: {last: {type: GraphQLInt}}, subscribe: countTo}},
    }),
  });
}

before(async () => {
  backends = await startBackends((http, name) => {
    const schema = schemaOf(name);
    http.on('request', async (request, response) => {
      const {query} = JSON.parse(await textOf(request));
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(await graphql({schema, source: query})));
    });
    const server = new WebSocketServer({server: http, path: '/graphql'});
    useServer({schema, onConnect: ({connectionParams}) => connectionParams?.token !== 'stolen'}, server);
    return server;
  });
  hawser = await startExample('graphql-ws', backends.at('127.0.0.1:4001', '127.0.0.1:4002', '127.0.0.1:4003'));
});
after(async () => {
  await hawser.stop();
  backends.stop();
});

// One client with the cookies of `visitor`.
function clientOf(visitor, more = {}, edge = hawser.edge) {
  class Socket extends WebSocket {
    constructor(address, protocols) {
      super(address, protocols, {rejectUnauthorized: false, headers: {Cookie: visitor.cookie}});
    }
  }
  return createClient({url: `${edge}/graphql`, webSocketImpl: Socket, retryAttempts: 0, ...more});
}

async function firstOf(client, query) {
  for await (const {data} of client.iterate({query})) return data;
}

test('queries by POST and by WebSocket are answered, each by its route', options, async () => {
  const visitor = startVisitor(hawser.origin);
  const {body} = await visitor.post('/graphql', JSON.stringify({query: '{ server }'}));
  assert.ok(names.includes(JSON.parse(body).data.server));
  visitor.leave();
  const client = clientOf(visitor);
  assert.ok(names.includes((await firstOf(client, '{ server }')).server));
  await client.dispose();
  const lines = await eventually(() => hawser.log().length === 2 && hawser.log());
  assert.deepEqual(lines.map(({event, route}) => [event, route]), [['request', 'queries'], ['tunnel', 'subscriptions']]);
});

test('with the cookie, queries by POST and by WebSocket meet the same server', options, async (t) => {
  const sticky = await startHawser({ports: backends.ports, cluster: cookieAffinity, workers: 2});
  t.after(sticky.stop);
  const seen = new Set();
  for (let i = 0; i < 9; ++i) {
    const visitor = startVisitor(sticky.origin);
    const {body} = await visitor.post('/graphql', JSON.stringify({query: '{ server }'}));
    const {server} = JSON.parse(body).data;
    const client = clientOf(visitor, {}, sticky.edge);
    for (let j = 0; j < 3; ++j) assert.deepEqual(await firstOf(client, '{ server }'), {server});
    await client.dispose();
    visitor.leave();
    seen.add(server);
  }
  assert.deepEqual([...seen].sort(), names);
  const tunnels = () => sticky.log().filter(({event}) => event === 'tunnel');
  await eventually(() => tunnels().length >= 9);
  for (const line of tunnels()) assert.equal(line.affinity, 'hit');
});

test('a subscription brings every event in order', options, async () => {
  const client = clientOf(startVisitor(hawser.origin));
  const counts = [];
  for await (const {data} of client.iterate({query: 'subscription { count(last: 500) }'})) counts.push(data.count);
  assert.deepEqual(counts, Array.from({length: 500}, (_, i) => i + 1));
  await client.dispose();
});

// graphql-ws treats most codes below 2000 as permanent errors, and gives up.
test('a client whose server is lost connects again', options, async () => {
  const codes = [];
  let connections = 0, gaveUp;
  const client = clientOf(startVisitor(hawser.origin), {
    lazy: false, retryAttempts: 20, retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
    onNonLazyError: (error) => { gaveUp = error; },
    on: {connected: () => ++connections, closed: ({code}) => codes.push(code)},
  });
  for (let lost = 1; lost <= 3; ++lost) {
    await eventually(() => gaveUp || connections >= lost);
    assert.equal(gaveUp, undefined);
    for (const {app} of backends.all) app.clients.forEach((socket) => socket.terminate());
    await eventually(() => codes.length >= lost);
  }
  await eventually(() => gaveUp || connections >= 4);
  assert.equal(gaveUp, undefined);
  assert.deepEqual(codes, [1001, 1001, 1001]);
  assert.ok(names.includes((await firstOf(client, '{ server }')).server));
  await client.dispose();
});

test("the server's close code reaches the client", options, async () => {
  const closed = new Promise((resolve) => {
    const client = clientOf(startVisitor(hawser.origin), {connectionParams: {token: 'stolen'}, on: {closed: resolve}});
    firstOf(client, '{ server }').catch(() => {});
  });
  const {code, reason} = await closed;
  assert.deepEqual([code, reason], [4403, 'Forbidden']);
});

test('a message above the limit ends the client with 1009', options, async () => {
  const client = clientOf(startVisitor(hawser.origin), {retryAttempts: 5});
  await assert.rejects(firstOf(client, `{ server } # ${'x'.repeat(1 << 20)}`), ({code}) => code === 1009);
  await client.dispose();
});
