import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { BackendContext, createBackend } from './backend.js';
import './app.css';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root.');
const backend = createBackend();
void backend.auth.ask();

createRoot(root).render(
  <StrictMode>
    <BackendContext value={backend}>
      <ApolloProvider client={backend.apollo}>
        <App />
      </ApolloProvider>
    </BackendContext>
  </StrictMode>,
);
