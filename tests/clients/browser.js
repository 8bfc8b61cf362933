// Debian's Chromium, driven by playwright-core.
import {existsSync} from 'node:fs';

import {chromium} from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const haveBrowser = existsSync(executablePath);

// `flags` are more of Chromium's own.
export const startBrowser = (...flags) => chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', ...flags],
});
