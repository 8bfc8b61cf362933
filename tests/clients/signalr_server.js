// The part of an ASP.NET Core SignalR server that shows whether stickiness holds: negotiation, the JSON
// protocol, and the three transports. A connection's token is known to the server that gave it and to no other (404).
import {randomUUID} from 'node:crypto';

import {WebSocketServer} from 'ws';

import {textOf} from './backends.js';

const separator = '\x1e';
const transports = ['WebSockets', 'ServerSentEvents', 'LongPolling'];

export function signalrServer(http, name) {
  const connections = new Map();  // by token
  const sockets = new WebSocketServer({noServer: true});

  // The hub: `Name` answers with the server's name, `Echo` with its argument.
  function answer(connection, text) {
    for (const record of text.split(separator).filter(Boolean)) {
      const {protocol, type, invocationId, target, arguments: [argument] = []} = JSON.parse(record);
      if (protocol) connection.send({});
      if (type === 1) connection.send({type: 3, invocationId, result: target === 'Name' ? name : argument});
    }
  }

  function negotiate(response) {
    const token = randomUUID();
    const waiting = [];
    const connection = {
      poll: null,
      send: (message) => { waiting.push(JSON.stringify(message) + separator); connection.flush(); },
      // Sends the waiting messages over the open transport: a socket, a stream, or the held poll.
      flush: () => { while (waiting.length && connection.carry) connection.carry(waiting.shift()); },
    };
    connections.set(token, connection);
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({
      negotiateVersion: 1, connectionId: randomUUID(), connectionToken: token,
      availableTransports: transports.map((transport) => ({transport, transferFormats: ['Text']})),
    }));
  }

  const carriers = {
    'text/event-stream': (connection, response) => {
      response.writeHead(200, {'Content-Type': 'text/event-stream'});
      response.write(':\r\n');
      connection.carry = (text) => response.write(`data: ${text}\r\n\r\n`);
      connection.flush();
    },
    poll: (connection, response) => {
      // The first poll is answered at once, which shows that the transport works.
      if (!connection.polled) { connection.polled = true; return response.end(); }
      connection.carry = (text) => { connection.carry = null; response.end(text); };
      connection.flush();
    },
  };

  http.on('request', async (request, response) => {
    const {pathname, searchParams} = new URL(request.url, 'http://hub');
    if (pathname === '/hub/negotiate') return negotiate(response);
    const connection = connections.get(searchParams.get('id'));
    if (!connection) return response.writeHead(404).end('No Connection with that ID');
    if (request.method === 'GET') return (carriers[request.headers.accept] ?? carriers.poll)(connection, response);
    if (request.method === 'POST') answer(connection, await textOf(request));
    if (request.method === 'DELETE') connection.carry?.('');
    response.writeHead(request.method === 'DELETE' ? 202 : 200).end();
  });
  http.on('upgrade', (request, socket, head) => {
    const connection = connections.get(new URL(request.url, 'http://hub').searchParams.get('id'));
    if (!connection) return socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (client) => {
      connection.carry = (text) => client.send(text);
      client.on('message', (text) => answer(connection, String(text)));
      connection.flush();
    });
  });
}
