import { useArrival } from '../app/arrival.js';
import type { User } from '../graphql/operations.js';
import { ChangePassword } from './change-password.js';
import { DeleteAccount } from './delete-account.js';

/** The user's e-mail, changing the password, and deleting the account. */
export function AccountView({ user }: { readonly user: User }) {
  return (
    <div className="stack">
      <header className="view-header">
        <h1 ref={useArrival()} tabIndex={-1}>
          Account
        </h1>
        <p className="muted">
          {user.email}, here since{' '}
          <time dateTime={user.createdAt}>
            {new Date(user.createdAt).toLocaleDateString('en', { dateStyle: 'long' })}
          </time>
          .
        </p>
      </header>
      <ChangePassword email={user.email} />
      <DeleteAccount email={user.email} />
    </div>
  );
}
