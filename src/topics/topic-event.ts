import { formatCursor } from './cursor.js';

/**
 * One event of a topic on its way to subscribers. The same object reaches every local subscriber,
 * so what one of them works out (its cursor's text, a rendered result) serves the others.
 */
export class TopicEvent {
  #cursor: string | undefined;
  /** The one rendering that most events have, apart from the others: a Map for each event would cost more than it saves. */
  #firstKey: object | undefined;
  #firstRendering: unknown;
  #renderings: Map<object, unknown> | undefined;

  constructor(
    readonly epoch: string,
    readonly offset: number,
    /** The published JSON value. Shared: nobody may change it. */
    readonly payload: unknown,
  ) {}

  /** The cursor that a client keeps after this event. */
  get cursor(): string {
    return (this.#cursor ??= formatCursor(this));
  }

  /**
   * What `make` returns for this event, worked out once per key.
   *
   * @param key the identity of the rendering, such as a compiled operation
   */
  rendering<T>(key: object, make: () => T): T {
    if (this.#firstKey === key) return this.#firstRendering as T;
    if (this.#firstKey === undefined) {
      const rendering = make();
      this.#firstKey = key;
      this.#firstRendering = rendering;
      return rendering;
    }
    this.#renderings ??= new Map();
    let rendering = this.#renderings.get(key) as T | undefined;
    if (rendering === undefined) {
      rendering = make();
      this.#renderings.set(key, rendering);
    }
    return rendering;
  }
}
