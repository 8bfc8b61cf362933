// Three backends that share nothing, each an HTTP server of its own on a port of its own.
import {once} from 'node:events';
import {createServer} from 'node:http';

export const names = ['alpha', 'bravo', 'charlie'];

// dress(http, name) makes a backend of a bare server; what it returns is kept as `app`.
export async function startBackends(dress) {
  const backends = [];
  for (const name of names) {
    const http = createServer();
    const app = dress(http, name);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const sockets = new Set();  // those that were upgraded, too, which Node's own closeAllConnections() forgets
    http.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    const stop = () => {
      http.close();
      sockets.forEach((socket) => socket.destroy());
    };
    backends.push({name, http, app, port: http.address().port, stop});
  }
  return {
    all: backends,
    ports: backends.map(({port}) => port),
    // For startExample: each backend in the place of one address of the example.
    at: (...addresses) => Object.fromEntries(addresses.map((address, i) => [address, backends[i].port])),
    named: (name) => backends.find((backend) => backend.name === name),
    stop: () => backends.forEach(({stop}) => stop()),
  };
}

export async function textOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
