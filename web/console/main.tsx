import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Console } from './console.js';
import { Session, SessionContext } from './session.js';
import './console.css';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root.');
const session = new Session();
void session.check();

createRoot(root).render(
  <StrictMode>
    <SessionContext value={session}>
      <Console />
    </SessionContext>
  </StrictMode>,
);
