// `npm run pictures`: takes screenshots of the app and GraphiQL from a temporary server, into docs/images/. Requires
// Chromium.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';
import { freePort } from './free-port.mjs';
import { findChromium } from './test-services.mjs';

const IMAGES = join(ROOT, 'docs/images');
const READY_WITHIN_MS = 30_000;
const VALUES = 24;
const ADA = { email: 'ada@example.com', password: 'correct horse battery' };
const NEWS = [
  { kind: 'order.paid', title: 'Order 1042 is paid' },
  { kind: 'order.packed', title: 'Order 1042 is packed', body: 'Two parcels, 1.4 kg together.' },
  { kind: 'order.shipped', title: 'Order 1042 has left us', body: 'It should be with you on Thursday.' },
];

process.chdir(ROOT);
const executablePath = findChromium();
if (!executablePath) throw new Error('Chromium was not found: install chromium or set CHROMIUM_PATH.');
await build();
const folder = mkdtempSync(join(tmpdir(), 'sallyport-pictures-'));
const url = `http://127.0.0.1:${await freePort()}`;
const server = spawn(process.execPath, ['dist/main.js'], {
  env: {
    PATH: process.env.PATH,
    DATA_DIR: folder,
    PORT: new URL(url).port,
    PUBLIC_URL: url,
    USER_COUNT_INTERVAL_SECONDS: '1',
    LOG_LEVEL: 'error',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
});
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
try {
  await ready();
  await photographApp();
  await photographGraphiql();
} finally {
  await browser.close();
  const gone = new Promise((resolve) => server.once('close', resolve));
  server.kill();
  await gone;
  rmSync(folder, { recursive: true, force: true });
}

async function photographApp() {
  const page = await open('/');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('E-mail').fill(ADA.email);
  await page.getByLabel('Password', { exact: true }).fill(ADA.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  const command = await page.locator('.empty code').innerText();
  await page.getByTestId('count').waitFor();
  const viewer = /user:[0-9a-f-]+/.exec(command)?.[0];
  for (const payload of NEWS) {
    await publish({ topic: 'notifications', viewer, payload });
    await page.locator('.row').filter({ hasText: payload.title }).waitFor();
    if (payload === NEWS[0]) await page.getByRole('button', { name: 'Mark all as read' }).click();
  }
  await page.getByLabel(`The last ${VALUES} values`, { exact: false }).waitFor({ timeout: 2_000 * VALUES });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(IMAGES, 'app.png') });
}

async function photographGraphiql() {
  const page = await open('/graphiql');
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  const play = page.getByRole('button', { name: /Execute/ });
  for (const [tab, answer] of [
    ['login', /"login"/],
    ['userCount', /"userCount":\s*\d/],
  ]) {
    await page.locator('.graphiql-tab-button').filter({ hasText: tab }).click();
    await page.locator('.graphiql-query-editor .view-line').filter({ hasText: tab }).first().waitFor();
    // GraphiQL reads the operation's name some time after its text, without showing when it is done.
    await page.waitForTimeout(1_000);
    await play.click();
    await page.locator('.result-window').filter({ hasText: answer }).waitFor();
  }
  await page.screenshot({ path: join(IMAGES, 'graphiql.png') });
}

async function open(path) {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 720 },
    deviceScaleFactor: 1.5,
    locale: 'en-GB',
    colorScheme: 'light',
  });
  const page = await context.newPage();
  await page.goto(url + path);
  return page;
}

async function publish(event) {
  const key = readFileSync(join(folder, 'development-api-key'), 'utf8').trim();
  const response = await fetch(`${url}/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events: [event] }),
  });
  if (!response.ok) throw new Error(`POST /publish answered ${response.status}.`);
}

async function ready() {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (
    !(await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (performance.now() > deadlineMs) throw new Error('The server did not become ready.');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
