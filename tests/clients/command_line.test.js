// Debian's curl, nghttp and h2load, for plain requests: uploads of every framing, answers of every shape.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {promisify} from 'node:util';

import {names, startBackends} from './backends.js';
import {cookieAffinity, startHawser} from './hawser.js';

const run = promisify(execFile);
const options = {timeout: 240_000};
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const page = randomBytes(300_000);
let backends, hawser, folder;

// /page is 300 kB, in ranges too; /flow the same in pieces without a length; /upload answers with the digest of what came.
function fileServer(http, name) {
  const answers = {
    '/name': (request, response) => response.end(name),
    '/empty': (request, response) => response.writeHead(204).end(),
    '/flow': (request, response) => {
      for (let at = 0; at < page.length; at += 10_000) response.write(page.subarray(at, at + 10_000));
      response.end();
    },
    '/page': (request, response) => {
      const range = request.headers.range?.match(/^bytes=(\d+)-(\d*)$/);
      const [from, to] = range ? [Number(range[1]), Number(range[2] || page.length - 1)] : [0, page.length - 1];
      const headers = {'Content-Length': to + 1 - from, 'Accept-Ranges': 'bytes', ETag: '"page"'};
      if (range) headers['Content-Range'] = `bytes ${from}-${to}/${page.length}`;
      response.writeHead(range ? 206 : 200, headers).end(page.subarray(from, to + 1));
    },
    '/upload': (request, response) => {
      const hash = createHash('sha256');
      request.on('data', (piece) => hash.update(piece));
      request.on('end', () => response.end(JSON.stringify({
        method: request.method, digest: hash.digest('hex'),
        length: request.headers['content-length'] ?? null, coding: request.headers['transfer-encoding'] ?? null,
      })));
    },
  };
  http.on('request', (request, response) => answers[request.url](request, response));
  http.on('checkContinue', (request, response) => { response.writeContinue(); answers[request.url](request, response); });
  http.on('checkExpectation', (request, response) => response.writeHead(417).end());
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hawser-curl-'));
  backends = await startBackends(fileServer);
  hawser = await startHawser({ports: backends.ports, cluster: cookieAffinity, workers: 2});
});
after(async () => {
  await hawser.stop();
  backends.stop();
  rmSync(folder, {recursive: true});
});

const fileOf = (name, bytes) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

// Returns curl's output; an error of curl's fails the test.
async function curl(...args) {
  const {stdout} = await run('curl', ['-sSk', '--fail-with-body', '--max-time', '200', ...args],
    {encoding: 'buffer', maxBuffer: 64 << 20});
  return stdout;
}

const protocols = [['http', '--http1.1'], ['https', '--http1.1'], ['https', '--http2'], ['h2c', '--http2-prior-knowledge']];

for (const [listener, ...version] of protocols) {
  const url = (path) => hawser[listener] + path;
  const name = `curl ${version} over ${listener}`;

  test(`${name}: answers with a length, without one, and without a body`, options, async () => {
    assert.ok(page.equals(await curl(...version, url('/page'))));
    assert.ok(page.equals(await curl(...version, url('/flow'))));
    const version_seen = version[0] === '--http1.1' ? '1.1' : '2';
    assert.equal((await curl(...version, '-w', '%{http_code} %{http_version}', url('/empty'))).toString(), `204 ${version_seen}`);
    // Several on one connection; this curl's h2c cannot (it fails alike in front of nghttpx).
    if (listener !== 'h2c') assert.equal((await curl(...version, '-w', '%{num_connects}', '-o', '/dev/null', url('/page'), '-o', '/dev/null', url('/flow'),
      '-o', '/dev/null', url('/page'))).toString(), '100');
  });

  test(`${name}: HEAD and ranges`, options, async () => {
    const head = (await curl(...version, '-I', url('/page'))).toString();
    assert.match(head, /content-length: 300000/i);
    assert.ok(page.subarray(1000, 2000).equals(await curl(...version, '-r', '1000-1999', url('/page'))));
    const resumed = fileOf('resumed', page.subarray(0, 123_456));
    await curl(...version, '-C', '-', '-o', resumed, url('/page'));
    assert.ok(page.equals(readFileSync(resumed)));
  });

  test(`${name}: uploads with a length, in chunks, and after 100-continue`, options, async () => {
    const body = randomBytes(3_000_000);
    const file = fileOf('body', body);
    const sent = [
      ['-H', 'Expect:', '--data-binary', `@${file}`],
      ['-H', 'Expect: 100-continue', '--data-binary', `@${file}`],
      ['-T', file],
      ['-H', 'Transfer-Encoding: chunked', '-T', file],
      ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect: 100-continue', '--data-binary', `@${file}`],
      ['-X', 'PATCH', '--data-binary', `@${file}`],
    ];
    for (const how of sent) {
      const seen = JSON.parse(await curl(...version, ...how, url('/upload')));
      assert.equal(seen.digest, digest(body), how.join(' '));
    }
    const empty = JSON.parse(await curl(...version, '-X', 'POST', '-d', '', url('/upload')));
    assert.equal(empty.digest, digest(''));
  });

  // An answer in the middle of an HTTP/2 upload fails in this curl by itself, in front of nghttpx as well; see nghttp below.
  if (version[0] === '--http1.1') test(`${name}: an expectation that the backend does not meet`, options, async () => {
    const file = fileOf('body', randomBytes(100_000));
    const status = await run('curl', ['-sSk', '-w', '%{http_code}', '-o', '/dev/null', ...version, '-H', 'Expect: a-miracle', '-T', file, url('/upload')]);
    assert.equal(status.stdout, '417');
  });

  test(`${name}: a cookie jar keeps its backend`, options, async () => {
    const seen = new Set();
    for (let i = 0; i < 6; ++i) {
      const jar = join(folder, `jar-${listener}-${i}`);
      const first = (await curl(...version, '-c', jar, url('/name'))).toString();
      for (let j = 0; j < 2; ++j) assert.equal((await curl(...version, '-b', jar, url('/name'))).toString(), first);
      seen.add(first);
    }
    assert.deepEqual([...seen].sort(), names);
  });
}

// What nghttp reports of the frames of one run.
async function nghttp(...args) {
  const {stdout} = await run('nghttp', ['-nv', '--no-dep', '-t', '200', ...args], {maxBuffer: 64 << 20});
  return stdout;
}

test('nghttp: answers, an upload and a window that stays small', options, async () => {
  const page_bytes = (text) => [...text.matchAll(/recv DATA frame <length=(\d+)/g)].reduce((sum, [, length]) => sum + Number(length), 0);
  for (const window of ['8', '16', '30']) {  // bits
    const seen = await nghttp('-w', window, hawser.https + '/page', hawser.https + '/flow');
    assert.equal(page_bytes(seen), 2 * page.length);
    assert.equal([...seen.matchAll(/:status: 200/g)].length, 2);
  }
  const body = randomBytes(200_000);
  const {stdout} = await run('nghttp', ['-t', '200', '-d', fileOf('upload', body), hawser.https + '/upload']);
  assert.equal(JSON.parse(stdout).digest, digest(body));
});

test('nghttp: an answer in the middle of an upload is whole, and the rest is not asked for', options, async () => {
  const seen = await nghttp('-H', 'expect: a-miracle', '-d', fileOf('large', randomBytes(20_000_000)), hawser.https + '/upload');
  assert.match(seen, /:status: 417[^]*recv DATA frame <length=0, flags=0x01[^]*recv RST_STREAM frame[^]*NO_ERROR/);
});

for (const [listener, how] of [['http', ['--h1']], ['https', ['--h1']], ['https', []], ['h2c', []]]) {
  test(`h2load ${how.join(' ')} over ${listener}: every one of 2,000 requests is answered`, options, async () => {
    const streams = how.length > 0 ? '1' : '8';
    const {stdout} = await run('h2load', [...how, '-n', '2000', '-c', '8', '-m', streams, hawser[listener] + '/name']);
    assert.match(stdout, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(stdout, /status codes: 2000 2xx/);
  });
}
