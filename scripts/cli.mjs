// `npm run cli -- …`: builds the server if it is stale, then runs the CLI.
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';

process.chdir(ROOT);
await build({ only: 'server' });
process.setSourceMapsEnabled(true);
process.argv[1] = `${ROOT}dist/server/cli/main.js`;
await import('../dist/server/cli/main.js');
