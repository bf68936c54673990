const MICROS = 2 ** 31;

/** The machine's monotonic clock in microseconds, modulo what a GraphQL Int can hold; the same in all processes. Without BigInt, which would create garbage. */
export function stamp() {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1e6 + Math.floor(nanoseconds / 1000)) % MICROS;
}

/** Milliseconds from one stamp to now. */
export function sinceStamp(then) {
  return ((stamp() - then + MICROS) % MICROS) / 1000;
}

/**
 * Publishes at an even rate: each millisecond, the events that are due, to one viewer after the other.
 * A late turn catches up, so that a pause of the server shows as latency.
 *
 * @param publishAll `(viewers)`: publishes one event, the current stamp, to each
 */
export function pace({ perSecond, seconds }, viewers, publishAll) {
  const started = performance.now();
  const total = Math.round(perSecond * seconds);
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * perSecond));
    const batch = [];
    while (sent < due) batch.push(viewers[sent++ % viewers.length]);
    if (batch.length > 0) publishAll(batch);
    if (sent === total) clearInterval(timer);
  }, 1);
}
