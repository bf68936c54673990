// `npm start`: builds what is stale, then is the server. No second process: signals reach it as they come.
import module from 'node:module';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';

process.chdir(ROOT);
await build();
// From Node 22.8 on what was compiled once is kept. Source maps stay off: reading those of every package costs half a second of each
// start, and the compiled files have the lines of the sources.
module.enableCompileCache?.();
process.argv[1] = `${ROOT}dist/main.js`;
await import('../dist/main.js');
