import type { ViewerId } from '../../viewer/viewer.js';

/** Called when this process may keep no more than `most` of its acknowledged connections of a viewer. Must not throw. */
export type ExcessListener = (viewer: ViewerId, most: number) => void;

/**
 * The port for connections of other processes that count towards the same limits as those of this one. The numbers may
 * be out of date for a moment. Implementations: {@link NoneElsewhere}, for a process that serves alone, and the other
 * workers of one server.
 */
export abstract class ConnectionsElsewhere {
  /** How many there are. */
  abstract readonly total: number;

  /** How many come from an address block. */
  abstract ofAddress(block: string): number;

  /** How many of them a viewer has, acknowledged. */
  abstract ofViewer(viewer: ViewerId): number;

  /** Called when the number of connections of an address block in this process has changed. Must not throw or block. */
  abstract addressHere(block: string, connections: number): void;

  /** Called when the number of acknowledged connections of a viewer in this process has changed. As above. */
  abstract viewerHere(viewer: ViewerId, connections: number): void;

  /**
   * Sets the listener that is called when this process and others admitted a viewer at the same moment and exceeded the
   * limit together.
   */
  abstract listen(listener: ExcessListener): void;
}

/** No other process counts. */
export class NoneElsewhere extends ConnectionsElsewhere {
  readonly total = 0;

  ofAddress(): number {
    return 0;
  }

  ofViewer(): number {
    return 0;
  }

  addressHere(): void {}

  viewerHere(): void {}

  listen(): void {}
}
