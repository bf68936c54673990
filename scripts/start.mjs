// `npm start`: builds what is stale, then runs the server in this process, so that signals reach it directly.
import module from 'node:module';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';

process.chdir(ROOT);
await build();
// From Node 22.8 on compiled code is cached. Source maps are off: reading those of every package adds half a second to
// each start, and the compiled files have the same lines as the sources.
module.enableCompileCache?.();
process.argv[1] = `${ROOT}dist/main.js`;
await import('../dist/main.js');
