import { useEffect, useState } from 'react';
import { onSignedOut } from './live';
import { Orders } from './orders';
import { SignIn } from './sign-in';

export function App() {
  // The cookie says who is signed in; when it says nobody, the first subscription ends with `onSignedOut`.
  const [isSignedIn, setSignedIn] = useState(true);
  useEffect(() => onSignedOut(() => setSignedIn(false)), []);
  return isSignedIn ? <Orders /> : <SignIn onSignedIn={() => setSignedIn(true)} />;
}
