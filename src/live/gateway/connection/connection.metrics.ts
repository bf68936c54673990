import { Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from 'prom-client';
import { MetricsRegistry } from '../../metrics-registry.js';
import { ConnectionRegistry } from './connection-registry.js';
import { WriteBatcher } from './frame-writer.js';

/** The metrics of open sockets. They are read when metrics are collected: nothing here runs per event. */
@Injectable()
export class ConnectionMetrics {
  constructor(metrics: MetricsRegistry, connections: ConnectionRegistry, batcher: WriteBatcher) {
    const registers = [metrics];
    const sockets: Gauge = new Gauge({
      name: 'sallyport_sockets',
      help: 'Open sockets on this node.',
      registers,
      collect: (): void => sockets.set(connections.all.size),
    });
    gaugeViewers(connections, registers);
    gaugeBacklog(connections, registers);
    countFrames(batcher, registers);
  }
}

function gaugeViewers(connections: ConnectionRegistry, registers: Registry[]): void {
  const viewers: Gauge<'kind' | 'authenticator'> = new Gauge({
    name: 'sallyport_viewer_sockets',
    help: 'Acknowledged sockets on this node, by the kind of viewer (user, customer or external) and the authenticator that verified the token.',
    labelNames: ['kind', 'authenticator'],
    registers,
    collect: () => {
      for (const { kind, authenticator, count } of connections.admitted()) viewers.set({ kind, authenticator }, count);
    },
  });
}

/**
 * Added up at each scrape: a sum that is kept would need to hear from the operating system about each write, and adding
 * up 15,000 sockets takes one to three milliseconds.
 */
function gaugeBacklog(connections: ConnectionRegistry, registers: Registry[]): void {
  const backlog: Gauge = new Gauge({
    name: 'sallyport_backlog_bytes',
    help: 'Bytes that wait to be sent on all sockets of this node, because their peers do not read.',
    registers,
    collect: () => {
      let bytes = 0;
      for (const connection of connections.all) bytes += connection.backlogBytes;
      backlog.set(bytes);
    },
  });
}

function countFrames(batcher: WriteBatcher, registers: Registry[]): void {
  const frames: Counter = new Counter({
    name: 'sallyport_frames_sent_total',
    help: 'Text frames written to sockets: events, acks, pongs and errors.',
    registers,
    collect: () => {
      frames.reset();
      frames.inc(batcher.frames);
    },
  });
}
