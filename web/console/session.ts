import { createContext, use } from 'react';
import { Store } from '../app/store.js';
import { AskError, ask, messageOf } from './api.js';

/** Who is signed in to the console. */
export interface Operator {
  /** The name of the key. */
  readonly name: string;
  readonly scopes: readonly string[];
  readonly endsAt: string;
}

/** What the page knows of its session. */
export type SessionState =
  | { readonly phase: 'asking' }
  | { readonly phase: 'unreachable'; readonly message: string }
  | { readonly phase: 'signedOut'; readonly notice: string | null }
  | { readonly phase: 'signedIn'; readonly operator: Operator };

/** The session of the console. Its secret is in a cookie that scripts cannot read; the key is kept nowhere. */
export class Session {
  readonly store = new Store<SessionState>({ phase: 'asking' });

  constructor() {
    window.addEventListener('pageshow', ({ persisted }) => {
      if (persisted) window.location.reload();
    });
  }

  /** Asks the server who is signed in. Never rejects. */
  async check(): Promise<void> {
    try {
      this.store.set({ phase: 'signedIn', operator: await ask<Operator>('/session') });
    } catch (error) {
      const isSignedOut = error instanceof AskError && error.code === 'UNAUTHENTICATED';
      this.store.set(
        isSignedOut ? { phase: 'signedOut', notice: null } : { phase: 'unreachable', message: messageOf(error) },
      );
    }
  }

  /** @throws AskError */
  async signIn(key: string): Promise<void> {
    this.store.set({ phase: 'signedIn', operator: await ask<Operator>('/sign-in', { key }) });
  }

  /** @throws AskError */
  async signOut(): Promise<void> {
    await this.ask('/sign-out', {});
    this.store.set({ phase: 'signedOut', notice: 'You are signed out.' });
  }

  /** As `ask`; if the session has ended, the page shows the sign-in. */
  async ask<T>(path: string, body?: unknown): Promise<T> {
    try {
      return await ask<T>(path, body);
    } catch (error) {
      if (error instanceof AskError && error.code === 'UNAUTHENTICATED')
        this.store.set({
          phase: 'signedOut',
          notice: 'Your session has ended, or its key was revoked. Sign in to continue.',
        });
      throw error;
    }
  }
}

export const SessionContext = createContext<Session | null>(null);

/** The page's session. Throws outside of the console. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('useSession works inside <Console> only.');
  return session;
}

/** Whether the operator's key has a scope. */
export function useScope(scope: string): boolean {
  const { value } = useSession().store;
  return value.phase === 'signedIn' && value.operator.scopes.includes(scope);
}
