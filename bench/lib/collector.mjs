// Loaded with `--expose-gc --import` into every server whose memory is measured. By message, not by signal:
// a signal is a reason to shut down for some of them. Answers when it is done.
process.on('message', (message) => {
  if (!message.collect) return;
  globalThis.gc();
  globalThis.gc();
  process.send({ collected: true });
});
