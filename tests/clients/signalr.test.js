// SignalR's own client: it negotiates by POST, and each of its transports must then reach the server that gave the token.
// In Node it keeps cookies by itself, and sends them with every transport. hawser is docs/examples/signalr.yaml.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {HttpTransportType, HubConnectionBuilder, LogLevel} from '@microsoft/signalr';

import {names, startBackends} from './backends.js';
import {startExample} from './hawser.js';
import {signalrServer} from './signalr_server.js';

let backends, hawser;

before(async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';  // it takes no certificate of its own
  backends = await startBackends(signalrServer);
  hawser = await startExample('signalr', backends.at('127.0.0.1:5001', '127.0.0.1:5002', '127.0.0.1:5003'));
});
after(async () => {
  await hawser.stop();
  backends.stop();
});

for (const transport of ['WebSockets', 'ServerSentEvents', 'LongPolling']) {
  test(`${transport} reaches the server that negotiated`, {timeout: 240_000}, async () => {
    const seen = new Set();
    for (let i = 0; i < 6 || seen.size < names.length; ++i) {
      const hub = new HubConnectionBuilder()
        .withUrl(`${hawser.origin}/hub`, {transport: HttpTransportType[transport]})
        .configureLogging(LogLevel.None)
        .build();
      await hub.start();
      const name = await hub.invoke('Name');
      for (const text of ['', 'grüße 🌊', 'rope'.repeat(10_000)]) assert.equal(await hub.invoke('Echo', text), text);
      assert.equal(await hub.invoke('Name'), name);
      await hub.stop();
      seen.add(name);
    }
  });
}
