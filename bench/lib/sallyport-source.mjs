// The server as dist/main.js starts it, in a process that also publishes bursts through the application's TopicBus, as a
// feed does.
import 'reflect-metadata';
import { pace, stamp } from './pace.mjs';

const dist = (file) => import(new URL(`../../dist/${file}`, import.meta.url));
const { loadConfig } = await dist('server/config/load-config.js');
const { createApp } = await dist('create-app.js');
const { TopicBus } = await dist('live/topics/topic.bus.js');
const { topicOf } = await dist('live/topics/topic.js');
const { UserCountFeed } = await dist('feeds/user-count/user-count.feed.js');

const { config } = loadConfig();
const app = await createApp(config);
app.enableShutdownHooks([], { useProcessExit: true });
await app.init();
await app.getHttpAdapter().getInstance().listen({ port: config.http.port, host: config.http.host });
const bus = app.get(TopicBus, { strict: false });

process.on('message', (message) => {
  const topics = message.viewers?.map((viewer) => topicOf(UserCountFeed.topic, viewer));
  if (message.burst) {
    const events = () => Array.from({ length: message.burst }, () => 1 + Math.floor(Math.random() * 10));
    void bus.publish(topics.flatMap((topic) => events().map((payload) => ({ topic, payload }))));
  }
  if (message.pace) {
    pace(message.pace, topics, (due) => void bus.publish(due.map((topic) => ({ topic, payload: stamp() }))));
  }
});
