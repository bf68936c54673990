// The server that an attack is aimed at: built, production mode, a database and secrets of its own, ended with the attack.
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
 * @returns `{ url, port, pid, child, people(count), apiKey(), residentMiB(), said(), startNode(env), stop() }`:
 *   `people` gives `[{ viewerId, token }]` with a live session each; `startNode` starts one more node on the same database
 */
export async function startTarget({ env = {}, nodeArgs = [] } = {}) {
  const deployment = await Deployment.open();
  // Setting a variable to nothing is how an attack asks for the default of production.
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
    said: () => child.said(),
    stop,
  };
}

/** Ends every server and drops every database that an attack has left. Called after each attack, however it ended. */
export async function stopTargets() {
  stopAll();
  await dropAll();
}
