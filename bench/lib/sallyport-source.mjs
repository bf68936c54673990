// Loaded into the built server with `--import`: publishes bursts from inside the process, as a feed of its own would.
// Nothing of the way from the bus to the socket is touched.
import { pace, stamp } from './pace.mjs';

const { MemoryTopicBus } = await import(new URL('../../dist/live/store/memory/topic.bus.memory.js', import.meta.url));
const { topicOf } = await import(new URL('../../dist/live/topics/topic.js', import.meta.url));

let bus = null;
let definition = null;
for (const method of ['subscribe', 'publish']) {
  const original = MemoryTopicBus.prototype[method];
  MemoryTopicBus.prototype[method] = function observed(...args) {
    if (method === 'subscribe') {
      bus = this;
      if (args[0].definition.name === 'user_count') definition = args[0].definition;
    }
    return original.apply(this, args);
  };
}
process.on('message', (message) => {
  const topics = message.viewers?.map((viewer) => topicOf(definition, viewer));
  if (message.burst) {
    const events = () => Array.from({ length: message.burst }, () => 1 + Math.floor(Math.random() * 10));
    void bus.publish(topics.flatMap((topic) => events().map((payload) => ({ topic, payload }))));
  }
  if (message.pace) {
    pace(message.pace, topics, (due) => void bus.publish(due.map((topic) => ({ topic, payload: stamp() }))));
  }
});
