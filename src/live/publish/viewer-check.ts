import type { ViewerId } from '../viewer/viewer.js';

/**
 * Says why nobody can have this viewer id here, such as a customer of a shop that is not configured, for the publisher to
 * read; null where somebody may. Called for each published event: it asks no store.
 */
export type ViewerCheck = (viewer: ViewerId) => string | null;

/** Injection token of the {@link ViewerCheck}. */
export const VIEWER_CHECK = Symbol('VIEWER_CHECK');
