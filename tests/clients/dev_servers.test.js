// Dev servers through docs/examples: Chromium loads a page over TLS, a source file changes, and the page shows it without being
// loaded again; the server restarts, and the page finds it.
import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';

import {createServer} from 'vite';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';

import {haveBrowser, startBrowser} from './browser.js';
import {eventually, startExample} from './hawser.js';

const options = {skip: haveBrowser ? false : 'no Chromium here', timeout: 240_000};
let browser;

before(async () => { if (haveBrowser) browser = await startBrowser(); });
after(async () => { if (haveBrowser) await browser.close(); });

// A page that shows the text of a module, in a folder of its own.
function makeProject(t, accept) {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-dev-server-'));
  t.after(() => rmSync(folder, {recursive: true, force: true, maxRetries: 5}));
  mkdirSync(join(folder, 'source'));
  const write = (text) => writeFileSync(join(folder, 'source/text.js'), `export const text = '${text}';\n`);
  write('first');
  writeFileSync(join(folder, 'index.html'), '<!doctype html><body></body><script type="module" src="/source/main.js"></script>');
  writeFileSync(join(folder, 'source/main.js'), `import {text} from './text.js';\ndocument.body.textContent = text;\n${accept}\n`);
  return {folder, write};
}

// A tab; connected() says how many WebSockets it has opened to which the server has spoken. Before, it misses changes.
async function open(t, url) {
  const context = await browser.newContext({ignoreHTTPSErrors: true});
  t.after(() => context.close());
  const page = await context.newPage();
  let sockets = 0;
  page.on('websocket', (socket) => socket.once('framereceived', () => ++sockets));
  await page.goto(url);
  return {page, connected: () => sockets};
}

const shows = (page, text) => page.waitForFunction((expected) => document.body?.textContent === expected, text, {timeout: 120_000});

// One page's life: `restart` ends the server and starts another at the same port.
async function live(t, hawser, project, restart) {
  const {page, connected} = await open(t, hawser.origin + '/');
  await shows(page, 'first');
  await eventually(() => connected() === 1);
  await page.evaluate(() => { window.kept = true; });
  project.write('second');
  await shows(page, 'second');
  assert.equal(await page.evaluate(() => window.kept), true);

  await restart(page);
  const lost = await eventually(() => hawser.log().find(({event}) => event === 'tunnel'));
  assert.deepEqual([lost.close_code, lost.closed_by], [1006, 'backend']);  // it ended without a close frame
  // Whether the page has loaded itself again or not, it hears of the next change.
  await eventually(() => connected() > 1, 120_000);
  project.write('third');
  await shows(page, 'third');
}

test('Vite', options, async (t) => {
  const project = makeProject(t, "import.meta.hot.accept('./text.js', (module) => { document.body.textContent = module.text; });");
  const start = async (more) => {
    const server = await createServer({
      root: project.folder, configFile: false, logLevel: 'silent', appType: 'spa',
      server: {host: '127.0.0.1', watch: {usePolling: true, interval: 50}, ...more},
    });
    await server.listen();
    return server;
  };
  let server = await start({});
  t.after(() => server.close());
  const {port} = server.httpServer.address();
  const hawser = await startExample('vite', {'127.0.0.1:5173': port});
  t.after(hawser.stop);
  await live(t, hawser, project, async (page) => {
    await server.close();
    server = await start({port, strictPort: true});
    await page.waitForFunction(() => !window.kept, null, {timeout: 120_000});  // it has loaded itself again
  });
});

test("webpack's dev server", options, async (t) => {
  const project = makeProject(t, "module.hot.accept('./text.js', () => { document.body.textContent = text; });");
  const start = async (port) => {
    const compiler = webpack({
      mode: 'development', context: project.folder, entry: './source/main.js', output: {filename: 'source/main.js'},
      infrastructureLogging: {level: 'none'}, stats: 'none', watchOptions: {poll: 50},
    });
    const server = new WebpackDevServer({
      host: '127.0.0.1', port, client: {webSocketURL: 'auto://0.0.0.0:0/ws'}, static: {directory: project.folder, watch: false},
    }, compiler);
    await server.start();
    return server;
  };
  let server = await start('auto');
  t.after(() => server.stop());
  const {port} = server.server.address();
  const hawser = await startExample('webpack-dev-server', {'127.0.0.1:3000': port});
  t.after(hawser.stop);
  await live(t, hawser, project, async () => {
    await server.stop();
    server = await start(port);
  });
});
