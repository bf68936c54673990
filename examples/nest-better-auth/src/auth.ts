import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { settings } from './settings.js';

let whenEnded: (session: string) => Promise<void> = async () => {};

/** Says what happens after a session has ended, whatever ended it: a sign-out, a changed password, an administrator. */
export function onSessionEnd(listener: (session: string) => Promise<void>): void {
  whenEnded = listener;
}

/** better-auth as any application has it, but for the hook. The memory stands in for your database. */
export const auth = betterAuth({
  baseURL: settings.baseUrl,
  secret: settings.authSecret,
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  databaseHooks: { session: { delete: { after: ({ id }) => whenEnded(id) } } },
});

/** Accounts to try it with. */
export async function addDemoUsers(): Promise<void> {
  for (const name of ['ada', 'bob'])
    await auth.api.signUpEmail({ body: { name, email: `${name}@shop.example`, password: 'demo demo' } });
}
