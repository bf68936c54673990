import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { settings } from './settings.js';

let whenEnded: (session: string) => Promise<void> = async () => {};

/** Sets what runs when a session ends, for whatever reason: a sign-out, a changed password, an administrator. */
export function onSessionEnd(listener: (session: string) => Promise<void>): void {
  whenEnded = listener;
}

/** An ordinary better-auth setup, plus the hook. The memory stands in for your database. */
export const auth = betterAuth({
  baseURL: settings.baseUrl,
  secret: settings.authSecret,
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  databaseHooks: {
    session: {
      // A sign-in replaces the cookie, and better-auth keeps the session of the old one: it ends here.
      create: {
        before: async (_, request) => {
          if (!request) return;
          const { authCookies, secret, internalAdapter } = request.context;
          const token = await request.getSignedCookie(authCookies.sessionToken.name, secret);
          if (token) await internalAdapter.deleteSession(token);
        },
      },
      delete: { after: ({ id }) => whenEnded(id) },
    },
  },
});

/** Accounts to try it with. */
export async function addDemoUsers(): Promise<void> {
  for (const name of ['ada', 'bob'])
    await auth.api.signUpEmail({ body: { name, email: `${name}@shop.example`, password: 'demo demo' } });
}
