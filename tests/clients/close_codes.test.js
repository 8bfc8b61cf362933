// The tables of docs/examples/close-codes.md, cell by cell: a real client, connected through hawser to as much of its server as
// it needs, is closed with a code, and either connects again or gives up.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {once} from 'node:events';
import {after, before, test} from 'node:test';

import {HttpTransportType, HubConnectionBuilder, LogLevel} from '@microsoft/signalr';
import {Client as StompClient} from '@stomp/stompjs';
import {Centrifuge} from 'centrifuge';
import {createClient} from 'graphql-ws';
import mqtt from 'mqtt';
import Pusher from 'pusher-js';
import {io} from 'socket.io-client';
import SockJS from 'sockjs-client';
import {WebSocket, WebSocketServer} from 'ws';
import {WebsocketProvider} from 'y-websocket';
import * as Y from 'yjs';

import {haveBrowser, startBrowser} from './browser.js';
import {examples, startHawser} from './hawser.js';

const options = {timeout: 240_000};
const page = readFileSync(examples + 'close-codes.md', 'utf8');
// pusher-js in Node leaves a timer of 30 s behind each connection that ended; nothing needs to wait for those.
const {setTimeout: setTimer} = globalThis;
globalThis.setTimeout = (callback, delay, ...args) => {
  const timer = setTimer(callback, delay, ...args);
  return delay === 30_000 ? timer.unref() : timer;
};

const kNoCode = 1005, kCut = 1006;
let http, hawser;

const sends = (text) => (socket, connected) => { socket.send(text); connected(); };
const answers = (pattern, answer) => (socket, connected) => socket.on('message', (data) => {
  if (!pattern.test(data)) return;
  socket.send(answer);
  connected();
});

// Of each client: what its server does until the client is connected, and start(url, over), which returns how to end it;
// over() says that the client will not come back.
const clients = {
  '`ws`, and browsers': {
    serve: sends('hello'),
    start: (url, over) => { new WebSocket(url).on('close', over); return () => {}; },
  },
  'SockJS 1.6': {
    serve: sends('o'),
    start: (url, over) => {
      const socket = new SockJS(url.replace('ws:', 'http:'), null, {transports: ['websocket'], timeout: 60_000});
      let connected = false;
      socket.onopen = () => { connected = true; };
      socket.onclose = () => { if (connected) over(); };
      return () => socket.close();
    },
  },
  'Socket.IO 4': {
    serve: (socket, connected) => {
      socket.send('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}');
      answers(/^40/, '40{"sid":"t"}')(socket, connected);
    },
    start: (url) => {
      const {origin, pathname} = new URL(url);
      const socket = io(origin, {path: pathname, transports: ['websocket'], forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 20});
      return () => socket.disconnect();
    },
  },
  'SignalR 10': {
    serve: (socket, connected) => socket.on('message', (data) => {
      if (/"protocol"/.test(data)) socket.send('{}\x1e');
      if (/"Here"/.test(data)) connected();  // an end that overtakes the handshake would fail start() for good
    }),
    start: (url, over) => {
      const hub = new HubConnectionBuilder().withUrl(url.replace('ws:', 'http:'), {skipNegotiation: true, transport: HttpTransportType.WebSockets})
        .withAutomaticReconnect([0, 100, 100, 100]).configureLogging(LogLevel.None).build();
      hub.onclose(over);
      hub.onreconnected(() => hub.send('Here'));
      hub.start().then(() => hub.send('Here'), over);
      return () => hub.stop();
    },
  },
  'graphql-ws 6': {
    serve: answers(/connection_init/, '{"type":"connection_ack"}'),
    start: (url, over) => {
      const client = createClient({url, webSocketImpl: WebSocket, lazy: false, onNonLazyError: over, retryWait: async () => {}});
      return () => client.dispose();
    },
  },
  'Pusher 8': {
    serve: (socket, connected) => {
      socket.send(JSON.stringify({event: 'pusher:connection_established', data: '{"socket_id":"1.1","activity_timeout":120}'}));
      socket.on('message', (data) => { if (/pusher:subscribe/.test(data)) connected(); });
    },
    start: (url, over) => {
      const {hostname, port, pathname} = new URL(url);
      const pusher = new Pusher('key', {
        cluster: '', wsHost: hostname, wsPort: port, wsPath: pathname, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
      });
      pusher.connection.bind('disconnected', over);
      pusher.subscribe('channel');
      return () => pusher.disconnect();
    },
  },
  'Centrifuge 5': {
    serve: answers(/"connect"/, '{"id":1,"connect":{"client":"c","version":"0"}}'),
    start: (url, over) => {
      const client = new Centrifuge(url, {websocket: WebSocket, minReconnectDelay: 10, maxReconnectDelay: 20});
      client.on('disconnected', over);
      client.connect();
      return () => client.disconnect();
    },
  },
  'Yjs (y-websocket 2)': {
    serve: (socket, connected) => socket.once('message', connected),
    start: (url) => {
      const doc = new Y.Doc();
      const provider = new WebsocketProvider(url, 'room', doc, {WebSocketPolyfill: WebSocket, disableBc: true});
      return () => { provider.destroy(); doc.destroy(); };
    },
  },
  'MQTT.js 5': {
    serve: answers(/MQTT/, Buffer.from([0x20, 2, 0, 0])),  // CONNACK
    start: (url) => {
      const client = mqtt.connect(url, {reconnectPeriod: 10});
      client.on('error', () => {});
      return () => client.endAsync(true);
    },
  },
  'STOMP.js 7': {
    serve: answers(/CONNECT/, 'CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0'),
    start: (url) => {
      const client = new StompClient({brokerURL: url, webSocketFactory: () => new WebSocket(url, ['v12.stomp']), reconnectDelay: 10});
      client.activate();
      return () => client.deactivate();
    },
  },
};
const names = Object.keys(clients);

// For each path: the code that closes its first open connection, and the callback for the second one.
const visits = new Map();

function end(socket, code) {
  if (code === kCut) socket.terminate();
  else if (code === kNoCode) socket.close();
  else socket.close(code, 'as asked');
}

before(async () => {
  http = createServer((request, response) => response.setHeader('Access-Control-Allow-Origin', '*')
    .end('{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":1}'));  // SockJS asks for this
  new WebSocketServer({server: http, handleProtocols: ([first]) => first}).on('connection', (socket, {url}) => {
    const [, client, code] = url.match(/^\/(\d+)\/(\d+)/);
    const visit = visits.get(`/${client}/${code}`);
    clients[names[client]].serve(socket, () => {
      if (++visit.connections === 1) end(socket, Number(code));
      else visit.again();
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  // 1006: without a close frame, a lost backend is a lost connection.
  hawser = await startHawser({ports: [http.address().port], websocket: 'backend_lost_code: 0', workers: 2});
});
after(async () => {
  http.close();
  http.closeAllConnections();
  await hawser.stop();
});

// What the client of that name does after that code: 'again' or 'ends'.
async function outcome(name, code) {
  const path = `/${names.indexOf(name)}/${code}`;
  let stop;
  const result = await new Promise((resolve) => {
    visits.set(path, {connections: 0, again: () => resolve('again')});
    stop = clients[name].start(hawser.plain + path, () => resolve(visits.get(path).connections > 0 ? 'ends' : 'never connected'));
  });
  await stop();
  return result;
}

const cellsOf = (line) => line.split('|').slice(1, -1).map((cell) => cell.trim());
const [byCode, ofTheirOwn] = page.match(/^\| client [^]*?(?=\n\n)/gm).map((table) => table.split('\n').map(cellsOf));

test('every client is in the table', () => assert.deepEqual(byCode.slice(2).map(([name]) => name), names));

for (const [name, ...expected] of byCode.slice(2)) {
  test(name, options, async () => {
    const codes = byCode[0].slice(1);
    const seen = await Promise.all(codes.map((code) => outcome(name, Number(code))));
    assert.deepEqual(codes.map((code, i) => `${code} ${seen[i]}`), codes.map((code, i) => `${code} ${expected[i]}`));
  });
}

for (const [name, again, ends] of ofTheirOwn.slice(2)) {
  test(`${name}, its own codes`, options, async () => {
    for (const [codes, expected] of [[again, 'again'], [ends, 'ends']]) {
      const list = codes.split(', ');
      const seen = await Promise.all(list.map((code) => outcome(name, Number(code))));
      assert.deepEqual(list.map((code, i) => `${code} ${seen[i]}`), list.map((code) => `${code} ${expected}`));
    }
  });
}

test('Chromium tells the page the code and the reason', {...options, skip: haveBrowser ? false : 'no Chromium here'}, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(hawser.http + '/');
  for (const code of [1000, 1001, 1002, kNoCode, kCut, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4999]) {
    visits.set(`/0/${code}`, {connections: 0});
    const event = await tab.evaluate((url) => new Promise((resolve) => {
      new WebSocket(url).onclose = ({code, reason, wasClean}) => resolve({code, reason, wasClean});
    }), `${hawser.plain}/0/${code}`);
    assert.deepEqual(event, {code, reason: code === kNoCode || code === kCut ? '' : 'as asked', wasClean: code !== kCut});
  }
});
