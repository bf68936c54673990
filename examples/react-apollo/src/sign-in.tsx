import { useState } from 'react';
import { post } from './post';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [problem, setProblem] = useState('');
  async function signIn(form: FormData): Promise<void> {
    const { ok, status } = await post('/sign-in', Object.fromEntries(form));
    if (ok) onSignedIn();
    else setProblem(status === 401 ? 'Wrong name or password.' : 'The shop does not answer. Try again.');
  }
  return (
    <form action={signIn}>
      <p>Sign in as ada or bob, password demo.</p>
      <label>
        Name <input name="name" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button>Sign in</button>
      <p role="alert">{problem}</p>
    </form>
  );
}
