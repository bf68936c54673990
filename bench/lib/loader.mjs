import { fileURLToPath } from 'node:url';
import { message, startChild, stopChild } from './child.mjs';

const LOAD = fileURLToPath(new URL('load.mjs', import.meta.url));

/** Controls one load generator process. Each command resolves with its figures; see load.mjs. */
export class Loader {
  constructor() {
    this.child = startChild([LOAD], { core: 1, label: 'the load generator' });
  }

  async command(command, options = {}, timeoutMs = 180_000) {
    const answer = message(this.child, (reply) => 'result' in reply || 'error' in reply, timeoutMs);
    this.child.send({ command, ...options });
    const { result, error } = await answer;
    if (error) throw new Error(error);
    return result;
  }

  /** Counts the frames that `cause` leads to. */
  async counted(options, cause) {
    const started = message(this.child, (reply) => reply.started || reply.error);
    const answer = this.command('count', options);
    answer.catch(() => {});
    await started;
    await cause();
    return answer;
  }

  stop() {
    return stopChild(this.child);
  }
}
