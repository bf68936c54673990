// Loaded before the server (node --import) to run it without metrics: what is counted goes nowhere, and the process is
// not watched. Whatever the server itself counts with plain numbers stays, since nothing could be saved there.
import { createRequire } from 'node:module';

const prom = createRequire(new URL('../../package.json', import.meta.url))('prom-client');
const nothing = () => {};

prom.Counter.prototype.inc = nothing;
prom.Gauge.prototype.set = nothing;
prom.Histogram.prototype.observeWithoutExemplar = nothing;
prom.Histogram.prototype.labels = () => ({ observe: nothing, startTimer: () => nothing });
// Samples the event loop every 10 ms and listens to garbage collections.
prom.collectDefaultMetrics = nothing;
