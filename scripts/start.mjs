// `npm start`: builds what is stale, then is the server. No second process: signals reach it as they come.
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';

process.chdir(ROOT);
await build();
process.setSourceMapsEnabled(true);
process.argv[1] = `${ROOT}dist/main.js`;
await import('../dist/main.js');
