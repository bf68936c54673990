import { useMutation } from '@apollo/client/react';
import { useState } from 'react';
import { CHANGE_PASSWORD } from '../graphql/operations.js';
import { Field } from './field.js';
import { OperationForm } from './operation-form.js';

/** A new password, which signs out every other browser. */
export function ChangePassword() {
  const [change] = useMutation(CHANGE_PASSWORD);
  const [done, setDone] = useState(false);
  return (
    <section className="card" aria-labelledby="password-title">
      <h2 id="password-title">Change password</h2>
      <p className="muted">This signs you out in every other browser.</p>
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
      <output className="done">{done && 'The password is changed. Every other browser is signed out.'}</output>
    </section>
  );
}
