// Loaded with `--expose-gc --import` into every server whose memory is measured.
process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
});
