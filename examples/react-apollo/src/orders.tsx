import { useState } from 'react';
import { gql, type TypedDocumentNode } from '@apollo/client';
import { useSubscription } from '@apollo/client/react';
import { useLiveState } from './live';
import { post } from './post';

interface OrderStatus {
  readonly order: string;
  readonly state: string;
}

const ORDER_STATUS: TypedDocumentNode<{ orderStatus: OrderStatus }> = gql`
  subscription {
    orderStatus {
      order
      state
    }
  }
`;

export function Orders() {
  const connection = useLiveState();
  const [orders, setOrders] = useState<readonly OrderStatus[]>([]);
  useSubscription(ORDER_STATUS, {
    fetchPolicy: 'no-cache',
    onData({ data: { data } }) {
      if (data) setOrders((before) => [...before, data.orderStatus]);
    },
  });
  return (
    <main>
      <p>
        Connection: <output>{connection}</output>
      </p>
      <button onClick={() => post('/orders')}>Place an order</button>
      <button onClick={() => post('/sign-out')}>Sign out</button>
      <ul aria-label="My orders">
        {orders.map(({ order, state }, index) => (
          <li key={index}>
            Order {order} is {state}
          </li>
        ))}
      </ul>
    </main>
  );
}
