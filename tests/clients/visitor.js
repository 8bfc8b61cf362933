// A browser's handling of cookies, for Node: requests over one kept connection that return the cookies they got.
import {Agent as PlainAgent, request as plainRequest} from 'node:http';
import {Agent as TlsAgent, request as tlsRequest} from 'node:https';

import {textOf} from './backends.js';

export function startVisitor(origin) {
  const tls = origin.startsWith('https:');
  const agent = tls ? new TlsAgent({keepAlive: true, rejectUnauthorized: false}) : new PlainAgent({keepAlive: true});
  const jar = new Map();
  const visitor = {
    get cookie() { return [...jar].map((pair) => pair.join('=')).join('; '); },

    // {status, headers, body} of one request.
    ask: (method, path, {headers = {}, body} = {}) => new Promise((resolve, reject) => {
      const request = (tls ? tlsRequest : plainRequest)(origin + path, {method, agent, headers: {Cookie: visitor.cookie, ...headers}});
      request.on('error', reject);
      request.on('response', async (response) => {
        for (const line of response.headers['set-cookie'] ?? []) {
          const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
          jar.set(name, value);
        }
        resolve({status: response.statusCode, headers: response.headers, body: await textOf(response)});
      });
      request.end(body);
    }),
    get: (path) => visitor.ask('GET', path),
    post: (path, body) => visitor.ask('POST', path, {body}),
    leave: () => agent.destroy(),
  };
  return visitor;
}
