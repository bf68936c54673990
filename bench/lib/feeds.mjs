// What clients subscribe to, and what is published to it.

/** The feeds of the server that scenarios use, by name. `payload(n)` is that of the n-th event. */
export const FEEDS = {
  user_count: {
    query: 'subscription UserCount { userCount }',
    operationName: 'UserCount',
    payload: (n) => 1 + (n % 10),
  },
  notifications: {
    query: 'subscription Notifications { notifications { id kind title body data createdAt } }',
    operationName: 'Notifications',
    payload: (n) => ({
      id: `shipped-${n}`,
      kind: 'order.shipped',
      title: `Your order ${n} is on its way`,
      body: 'It left our warehouse and should be with you tomorrow.',
      data: { order: n, carrier: 'post' },
      createdAt: '2026-01-31T12:00:00.000Z',
    }),
  },
  /** Of host-app.mjs only. */
  second_count: { query: 'subscription SecondCount { secondCount }', operationName: 'SecondCount' },
  third_count: { query: 'subscription ThirdCount { thirdCount }', operationName: 'ThirdCount' },
};
