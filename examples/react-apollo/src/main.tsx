import { ApolloProvider } from '@apollo/client/react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { apollo } from './live';

createRoot(document.querySelector('#app')!).render(
  <ApolloProvider client={apollo}>
    <App />
  </ApolloProvider>,
);
