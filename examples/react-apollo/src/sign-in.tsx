import { useState } from 'react';
import { post } from './post';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [problem, setProblem] = useState('');
  async function signIn(form: FormData): Promise<void> {
    // React would remove the whole page for an action that throws.
    const answer = await post('/sign-in', Object.fromEntries(form)).catch(() => null);
    if (answer?.ok) onSignedIn();
    else setProblem(answer ? 'Wrong name or password.' : 'The shop does not answer. Try again.');
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
