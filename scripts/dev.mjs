// `npm run dev`: compiles and restarts the server when src/ changes, and serves the web app with hot reload. All
// processes that it starts end with it, on Ctrl-C or when one of them fails.
import { spawn } from 'node:child_process';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';
import { loadEnvFile } from './env-file.mjs';
import { firstFreePort } from './free-port.mjs';

/** Vite's usual port, or the next free one. */
const FIRST_WEB_PORT = 5173;

process.chdir(ROOT);
loadEnvFile();
await build();
const webPort = await firstFreePort(FIRST_WEB_PORT);
const server = `http://127.0.0.1:${process.env.PORT ?? 3000}`;
const origins = [process.env.ALLOWED_ORIGINS, `http://localhost:${webPort}`].filter(Boolean).join(',');
const children = [
  run('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput']),
  run('dist/main.js', [], {
    nodeFlags: ['--watch', '--watch-preserve-output', '--enable-source-maps'],
    env: { ALLOWED_ORIGINS: origins },
  }),
  run('node_modules/vite/bin/vite.js', ['web', '--port', String(webPort), '--strictPort'], {
    env: { SALLYPORT_SERVER: server },
  }),
];
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, endAll);
for (const child of children) {
  child.on('exit', (code) => {
    process.exitCode ??= code ?? 1;
    endAll();
  });
}
console.log(`\nThe app with hot reload: http://localhost:${webPort}\n`);

function run(program, args, { nodeFlags = [], env = {} } = {}) {
  return spawn(process.execPath, [...nodeFlags, program, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
}

function endAll() {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
}
