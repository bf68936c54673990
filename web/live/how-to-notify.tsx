import { useState } from 'react';

/** What to do when there is nothing yet: send one from the command line. */
export function HowToNotify({ userId }: { readonly userId: string }) {
  const command = `npm run cli -- publish notifications user:${userId} '{"kind":"hello","title":"Hello"}'`;
  return (
    <div className="empty">
      <p>
        No notifications yet. To send yourself one, run this command on the server. It appears here without a reload.
      </p>
      <pre>
        <code>{command}</code>
      </pre>
      {'clipboard' in navigator && <Copy text={command} />}
    </div>
  );
}

/** Browsers have a clipboard only on https and on loopback. */
function Copy({ text }: { readonly text: string }) {
  const [done, setDone] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setDone(true),
      () => setDone(false),
    );
  };
  return (
    <button type="button" className="button" onClick={copy} onBlur={() => setDone(false)}>
      {done ? 'Copied' : 'Copy the command'}
    </button>
  );
}
