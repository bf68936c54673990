// The target server of an attack: built, in production mode, with its own database and secrets; stopped with the
// attack.
import { stopAll } from './child.mjs';
import { dropAll } from './database.mjs';
import { residentBytes } from './proc.mjs';
import { Deployment } from './sallyport.mjs';

const MEBIBYTE = 1024 * 1024;

/**
 * Starts a server to attack.
 *
 * @param {object} [options]
 * @param {Record<string, string>} [options.env] over the defaults of {@link Deployment}, which exempt loopback from throttling:
 *   set `THROTTLE_EXEMPT: ''` and `MAX_CONNECTIONS_PER_ADDRESS` to attack with the defaults of production
 * @param {string[]} [options.nodeArgs] such as `--max-old-space-size=512`
 * @returns `{ url, port, pid, child, people(count), apiKey(), residentMiB(), output(), startNode(env), stop() }`:
 *   `people` gives `[{ viewerId, token }]` with a live session each; `startNode` starts one more node on the same database
 */
export async function startTarget({ env = {}, nodeArgs = [] } = {}) {
  const deployment = await Deployment.open();
  // An attack sets a variable to an empty value for production's default.
  for (const [name, value] of Object.entries(env)) {
    if (value === '') delete deployment.env[name];
    else deployment.env[name] = value;
  }
  const node = await deployment.start({ nodeArgs });
  return {
    ...describe(node),
    people: (count) => deployment.people(count),
    apiKey: () => deployment.apiKey(),
    startNode: async (more = {}) => describe(await deployment.start({ env: more, nodeArgs })),
  };
}

function describe({ child, port, stop }) {
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    child,
    residentMiB: () => Math.round(residentBytes(child.pid) / MEBIBYTE),
    output: () => child.output(),
    stop,
  };
}

/** Stops every server and drops every database that an attack has left. Called after each attack in any case. */
export async function stopTargets() {
  stopAll();
  await dropAll();
}
