import { useMutation } from '@apollo/client/react';
import { useState } from 'react';
import { CHANGE_PASSWORD } from '../graphql/operations.js';
import { Field, HiddenUsername } from './field.js';
import { OperationForm } from './operation-form.js';

/** Changes the password, which signs out all other browsers. */
export function ChangePassword({ email }: { readonly email: string }) {
  const [change] = useMutation(CHANGE_PASSWORD);
  const [done, setDone] = useState(false);
  return (
    <section className="card" aria-labelledby="password-title">
      <h2 id="password-title">Change password</h2>
      <p className="muted">This signs you out in all other browsers.</p>
      <OperationForm
        credentialField="current"
        submitLabel="Change password"
        onSubmit={async (value) => {
          setDone(false);
          await change({ variables: { current: value('current'), next: value('next') } });
          setDone(true);
        }}
      >
        {(errors) => (
          <>
            <HiddenUsername email={email} />
            <Field
              name="current"
              label="Current password"
              autoComplete="current-password"
              error={errors['current'] ?? errors['password']}
            />
            <Field name="next" label="New password" autoComplete="new-password" error={errors['next']} />
          </>
        )}
      </OperationForm>
      <output className="done">{done && 'Password changed. All other browsers are signed out.'}</output>
    </section>
  );
}
