/** The feeds' own settings. */
export interface FeedsConfig {
  readonly userCountIntervalSeconds: number;
}

/** Injection token of the settings of this feed. */
export const FEEDS_CONFIG = Symbol('FEEDS_CONFIG');
