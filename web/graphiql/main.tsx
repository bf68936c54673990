import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { createLiveClient } from '../../client/index.js';
import { CREDENTIALS, DEFAULT_TABS } from './default-tabs.js';
import { createFetcher } from './fetcher.js';
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './graphiql.css';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root.');

/** Each connection of a subscription fetches its own token from `me`. */
const fetcher = createFetcher(createLiveClient({ lazyCloseTimeout: 0 }));

const hasTabs = window.sessionStorage.getItem('graphiql:tabState') !== null;

// The tabs hold passwords: they are kept for this browser tab only, not in localStorage.
createRoot(root).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={DEFAULT_TABS}
    storage={window.sessionStorage}
    defaultEditorToolsVisibility
    {...(hasTabs ? {} : { initialVariables: CREDENTIALS })}
  >
    <GraphiQL.Logo>
      <a href="/">Sallyport</a>
    </GraphiQL.Logo>
  </GraphiQL>,
);
