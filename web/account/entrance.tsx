import { useMutation } from '@apollo/client/react';
import { useState } from 'react';
import { useBackend } from '../app/backend.js';
import { Mark } from '../app/mark.js';
import { LOGIN, REGISTER } from '../graphql/operations.js';
import { Field } from './field.js';
import type { Farewell } from './membership.js';
import { OperationForm } from './operation-form.js';

const NOTICES: Readonly<Record<Farewell, string>> = {
  left: 'You are signed out.',
  ended: 'You were signed out elsewhere, or the session has expired. Sign in to go on.',
  deleted: 'Your account is deleted, and everything of yours with it.',
};

/** What a visitor sees: sign in, or make an account. */
export function Entrance({ farewell }: { readonly farewell: Farewell | null }) {
  const [isNew, setIsNew] = useState(false);
  return (
    <div className="entrance">
      <section className="welcome" aria-labelledby="welcome-title">
        <Mark />
        <div>
          <h1 id="welcome-title">Live, and only yours.</h1>
          <p>
            A gate with two doors. Your session opens the first. A key that lasts a minute opens the second, and behind
            it you hear what is meant for you, as it happens.
          </p>
        </div>
        <ol className="steps">
          <li>A session, by cookie</li>
          <li>A token for one minute</li>
          <li>Your own live line</li>
        </ol>
      </section>
      <main className="gate">
        <div className="gate-box">
          {farewell && <output className="notice">{NOTICES[farewell]}</output>}
          <h2>{isNew ? 'Make an account' : 'Sign in'}</h2>
          <EntranceForm key={String(isNew)} isNew={isNew} />
          <p className="muted">
            {isNew ? 'You have an account?' : 'New here?'}{' '}
            <button type="button" className="link" onClick={() => setIsNew(!isNew)}>
              {isNew ? 'Sign in' : 'Make an account'}
            </button>
          </p>
        </div>
      </main>
    </div>
  );
}

function EntranceForm({ isNew }: { readonly isNew: boolean }) {
  const { memberships } = useBackend();
  const [login] = useMutation(LOGIN);
  const [register] = useMutation(REGISTER);

  const enter = async (email: string, password: string): Promise<void> => {
    const variables = { email, password };
    const user = isNew ? (await register({ variables })).data?.register : (await login({ variables })).data?.login;
    if (user) memberships.entered(user);
  };

  return (
    <OperationForm
      credentialField="password"
      submitLabel={isNew ? 'Make the account' : 'Sign in'}
      onSubmit={(value) => enter(value('email'), value('password'))}
    >
      {(errors) => (
        <>
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
