import { useEffect, useState } from 'react';
import { useArrival } from '../app/arrival.js';
import { messageOf } from './api.js';
import { format, Plot } from './plot.js';
import { type NodeRates, type NodesAnswer, NOTHING_YET, type Overview as Known, withAnswer } from './rates.js';
import { useSession } from './session.js';

const ASK_EVERY_MS = 1_000;

/** What all nodes do, as it happens. */
export function Overview() {
  const { known, failure } = useNodes();
  const { points, nodes } = known;
  const sockets = points.map(({ at, sockets: value }) => ({ at, value }));
  const delivered = points.map(({ at, delivered: value }) => ({ at, value }));
  const published = points.map(({ at, published: value }) => ({ at, value }));
  return (
    <>
      <header className="view-header">
        <h1 ref={useArrival()} tabIndex={-1}>
          Overview
        </h1>
        <p className="muted">
          {nodes.length === 1 ? 'One node' : `${nodes.length} nodes together`}, once a second while this page is open.
        </p>
      </header>
      {failure && (
        <p className="error" role="alert">
          {failure}
        </p>
      )}
      <div className="plots">
        <Plot title="Connections" lines={[{ label: 'open sockets', look: 'first', values: sockets }]} />
        <Plot
          title="Events per second"
          lines={[
            { label: 'delivered', look: 'first', values: delivered },
            { label: 'published', look: 'second', values: published },
          ]}
        />
      </div>
      {nodes.length > 0 && <Nodes nodes={nodes} />}
    </>
  );
}

function Nodes({ nodes }: { readonly nodes: readonly NodeRates[] }) {
  return (
    <section className="card" aria-labelledby="nodes-title">
      <h2 id="nodes-title">Nodes</h2>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col" className="number">
              Sockets
            </th>
            <th scope="col" className="number">
              Topics
            </th>
            <th scope="col" className="number">
              Delivered/s
            </th>
            <th scope="col" className="number">
              Published/s
            </th>
            <th scope="col" className="number">
              Event loop
            </th>
            <th scope="col" className="number">
              Memory
            </th>
            <th scope="col">Stores</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <NodeRow key={node.node} node={node} />
          ))}
        </tbody>
      </table>
      <p className="muted hint">
        “Delivered” counts all frames that are written to sockets, of which events are nearly all. “Published” counts
        what comes from other backends, over HTTP or by SQL.
      </p>
    </section>
  );
}

function NodeRow({ node }: { readonly node: NodeRates }) {
  const { user, customer, external } = node.viewerSockets;
  const kinds = `${user} accounts, ${customer} customers, ${external} external`;
  return (
    <tr>
      <th scope="row">
        {node.name} {node.isAnswering && <span className="badge">this node</span>}
        <span className="muted cell-note">
          {node.version}, up {durationOf(node.clockMs)}
        </span>
      </th>
      <td className="number" data-label="Sockets">
        {format(node.sockets)}
        <span className="muted cell-note">{kinds}</span>
      </td>
      <td className="number" data-label="Topics">
        {format(node.topics)}
      </td>
      <td className="number" data-label="Delivered/s">
        {node.deliveredPerSecond === null ? '–' : format(node.deliveredPerSecond)}
      </td>
      <td className="number" data-label="Published/s">
        {node.publishedPerSecond === null ? '–' : format(node.publishedPerSecond)}
      </td>
      <td className="number" data-label="Event loop">
        {Math.round(node.busy * 100)} %
      </td>
      <td className="number" data-label="Memory">
        {Math.round(node.memoryBytes / 1_048_576)} MiB
      </td>
      <td data-label="Stores">
        {Object.entries(node.stores).map(([store, isUp]) => (
          <span key={store} className={isUp ? 'store' : 'store down'}>
            {store}: {isUp ? 'ok' : 'unavailable'}
          </span>
        ))}
      </td>
    </tr>
  );
}

function durationOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** Asks while the page is visible. */
function useNodes(): { readonly known: Known; readonly failure: string | null } {
  const session = useSession();
  const [known, setKnown] = useState(NOTHING_YET);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    let isGone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        try {
          const answer = await session.ask<NodesAnswer>('/nodes');
          if (isGone) return;
          setKnown((before) => withAnswer(before, answer, Date.now()));
          setFailure(null);
        } catch (error) {
          if (isGone) return;
          setFailure(messageOf(error));
        }
      }
      timer = setTimeout(() => void next(), ASK_EVERY_MS);
    };
    void next();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [session]);
  return { known, failure };
}
