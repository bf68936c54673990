/** What a command or query is for, in metrics. */
export type StoreOperation =
  /** Appends events, and sends them to the nodes. */
  | 'publish'
  /** Reads a topic's history, for a subscriber or for a backend. */
  | 'read'
  /** Reads the log of events in PostgreSQL. */
  | 'log'
  /** Compares positions of topics with the store's. */
  | 'compare'
  | 'presence'
  | 'revocation'
  /** Counts for a rate limit, or a password guess. */
  | 'limit'
  /** Marks a single-use token as used. */
  | 'token'
  | 'lease'
  | 'heartbeat'
  /** Accounts, sessions and keys in the database. */
  | 'query'
  | 'transaction'
  /** Asks the application about sessions (the module). */
  | 'sessions'
  | 'other';
