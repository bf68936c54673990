import { useMutation } from '@apollo/client/react';
import { useRef } from 'react';
import { useBackend } from '../app/backend.js';
import { DELETE_ACCOUNT } from '../graphql/operations.js';
import { Field, HiddenUsername } from './field.js';
import { OperationForm } from './operation-form.js';

/** Deletes the account after a confirmation with the password. */
export function DeleteAccount({ email }: { readonly email: string }) {
  const { auth } = useBackend();
  const [remove] = useMutation(DELETE_ACCOUNT);
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <section className="card" aria-labelledby="delete-title">
      <h2 id="delete-title">Delete account</h2>
      <p className="muted">This permanently deletes your account. It cannot be undone.</p>
      <button type="button" className="button danger-quiet" onClick={() => dialog.current?.showModal()}>
        Delete account
      </button>
      <dialog ref={dialog} className="dialog" aria-labelledby="delete-dialog-title">
        <h2 id="delete-dialog-title">Delete your account?</h2>
        <p className="muted">Enter your password to confirm.</p>
        <OperationForm
          credentialField="password"
          submitLabel="Delete permanently"
          danger
          onSubmit={async (value) => {
            await remove({ variables: { password: value('password') } });
            auth.signedOut('deleted');
          }}
        >
          {(errors) => (
            <>
              <HiddenUsername email={email} />
              <Field
                name="password"
                label="Your password"
                autoComplete="current-password"
                error={errors['password'] ?? errors['current']}
              />
            </>
          )}
        </OperationForm>
        <button type="button" className="button quiet" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </dialog>
    </section>
  );
}
