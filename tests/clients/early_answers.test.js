// Answers that come before the client's body is in, over HTTP/2: Debian's curl gets them every time, on new connections,
// for bodies of all sizes; so does Node's client, and its streams close.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {connect} from 'node:http2';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {promisify} from 'node:util';

import {startBackends} from './backends.js';
import {startHawser} from './hawser.js';

const run = promisify(execFile);
const options = {timeout: 240_000};
const times = 50;
let backends, hawser, folder;

// hawser's own answers, by path; all others come from the backend, which refuses at once and reads no more.
const answers = {'/teapot': 418, '/forbidden': 403, '/nowhere': 404, '/limited': 429, '/moved': 301, '/too-large': 413, '/busy': 503};
const routes = `
  - { match: { path: /teapot }, direct_response: { status: 418, body: teapot } }
  - { match: { path: /forbidden }, direct_response: { status: 403 } }
  - { match: { path: /nowhere }, direct_response: { status: 404 } }
  - { match: { path: /limited }, direct_response: { status: 429 } }
  - { match: { path: /moved }, redirect: { host: elsewhere.test } }
  - { match: { path: /busy }, cluster: gone }`;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hawser-early-'));
  backends = await startBackends((http) => http.on('request', (request, response) => {
    response.writeHead(413, {'Content-Type': 'text/plain'}).end('too large');
  }));
  hawser = await startHawser({ports: backends.ports, routes, clusters: '\n  - { name: gone, endpoints: [ 127.0.0.1:1 ] }'});
});
after(async () => {
  await hawser.stop();
  backends.stop();
  rmSync(folder, {recursive: true});
});

for (const [name, size] of [['1 kB', 1000], ['200 kB', 200_000], ['20 MB', 20_000_000]]) {
  for (const [listener, version] of [['https', '--http2'], ['h2c', '--http2-prior-knowledge']]) {
    test(`curl ${version} with a body of ${name} gets each of ${times} early answers`, options, async () => {
      const file = join(folder, `body-${size}`);
      writeFileSync(file, Buffer.alloc(size, 'x'));
      const paths = Object.keys(answers);
      for (let i = 0; i < times; ++i) {
        const path = paths[i % paths.length];
        const {stdout} = await run('curl', ['-sSk', version, '--max-time', '20', '--data-binary', `@${file}`, '-o', '/dev/null',
          '-w', '%{http_code} %{http_version}', hawser[listener] + path]);
        assert.equal(stdout, `${answers[path]} 2`, `try ${i} of ${path}`);
      }
    });
  }
}

test('the streams of Node\'s client close, and its connection goes on', options, async () => {
  const session = connect(hawser.https, {rejectUnauthorized: false});
  for (let i = 0; i < 7; ++i) {
    const path = Object.keys(answers)[i % Object.keys(answers).length];
    const stream = session.request({':method': 'POST', ':path': path});
    const closed = new Promise((resolve, reject) => stream.on('close', () => resolve(stream.rstCode)).on('error', reject));
    const status = new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
    stream.resume();
    stream.write(Buffer.alloc(i % 2 ? 1000 : 200_000));  // and no end
    assert.equal(await status, answers[path]);
    assert.equal(await closed, 0);
  }
  session.close();
});
