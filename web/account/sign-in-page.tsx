import { useMutation, useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { useArrival } from '../app/arrival.js';
import { useBackend } from '../app/backend.js';
import { Mark } from '../app/mark.js';
import { LOGIN, REGISTER, REGISTRATION } from '../graphql/operations.js';
import { Field } from './field.js';
import type { SignOutReason } from './auth-state.js';
import { OperationForm } from './operation-form.js';

const NOTICES: Readonly<Record<SignOutReason, string>> = {
  'signed-out': 'You are signed out.',
  ended: 'You were signed out elsewhere, or your session has expired. Sign in to continue.',
  deleted: 'Your account and all its data were deleted.',
};

/** The page of a signed-out user: sign in, or create an account if the server allows it. */
export function SignInPage({ signOutReason }: { readonly signOutReason: SignOutReason | null }) {
  const [isNew, setIsNew] = useState(false);
  // Until the server has answered, the page does not say that registration is closed.
  const { data, error, refetch } = useQuery(REGISTRATION);
  const registration = data?.registration ?? 'OPEN';
  return (
    <div className="entrance">
      <section className="welcome" aria-labelledby="welcome-title">
        <Mark />
        <div>
          <h1 id="welcome-title">Live, and only yours.</h1>
          <p>
            Sign in, and this page opens a connection with a token that lasts one minute. On it you receive only your
            own events, as they happen.
          </p>
        </div>
        <ol className="steps">
          <li>A session cookie</li>
          <li>A token for one minute</li>
          <li>Your own live connection</li>
        </ol>
      </section>
      <main className="gate">
        <div className="gate-box">
          {signOutReason && <output className="notice">{NOTICES[signOutReason]}</output>}
          <h2 ref={useArrival()} tabIndex={-1}>
            {isNew ? 'Create account' : 'Sign in'}
          </h2>
          <EntranceForm
            key={String(isNew)}
            isNew={isNew}
            asksInvitation={isNew && registration === 'INVITE'}
            onFailure={() => error && void refetch().catch(() => {})}
          />
          {registration === 'CLOSED' ? (
            <p className="muted">The operators of this site create accounts.</p>
          ) : (
            <p className="muted">
              {isNew ? 'Already have an account?' : 'New here?'}{' '}
              <button type="button" className="link" onClick={() => setIsNew(!isNew)}>
                {isNew ? 'Sign in' : 'Create account'}
              </button>
            </p>
          )}
        </div>
      </main>
    </div>
  );
}

interface FormProps {
  readonly isNew: boolean;
  readonly asksInvitation: boolean;
  /** The server has refused: perhaps because the form lacks a field that it asks for. */
  readonly onFailure: () => void;
}

function EntranceForm({ isNew, asksInvitation, onFailure }: FormProps) {
  const { auth } = useBackend();
  const [login] = useMutation(LOGIN);
  const [register] = useMutation(REGISTER);

  const enter = async (email: string, password: string, invitation: string): Promise<void> => {
    const variables = { email, password };
    const invited = asksInvitation ? { ...variables, invitation } : variables;
    const user = isNew
      ? (await register({ variables: invited })).data?.register
      : (await login({ variables })).data?.login;
    if (user) auth.signedIn(user);
  };

  return (
    <OperationForm
      credentialField="password"
      submitLabel={isNew ? 'Create account' : 'Sign in'}
      onSubmit={(value) =>
        enter(value('email'), value('password'), value('invitation')).catch((error: unknown) => {
          onFailure();
          throw error;
        })
      }
    >
      {(errors) => (
        <>
          {asksInvitation && (
            <Field
              name="invitation"
              label="Invitation"
              type="text"
              autoComplete="off"
              error={errors['invitation']}
              hint="The code from your invitation. It is valid for one account."
            />
          )}
          <Field name="email" label="E-mail" type="email" autoComplete="username" error={errors['email']} />
          <Field
            name="password"
            label="Password"
            autoComplete={isNew ? 'new-password' : 'current-password'}
            error={errors['password']}
            {...(isNew ? { hint: 'A few words are easy to remember and hard to guess.' } : {})}
          />
        </>
      )}
    </OperationForm>
  );
}
