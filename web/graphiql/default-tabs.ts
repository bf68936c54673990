/** Credentials to register with; change them as you like. */
export const CREDENTIALS = JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery' }, null, 2);

/** From registration to a running subscription: one tab per step. */
export const DEFAULT_TABS = [
  {
    query: `# 1. Create an account. It signs you in:
#    the cookie is set.
mutation register($email: String!, $password: String!) {
  register(email: $email, password: $password) {
    id
    email
  }
}
`,
    variables: CREDENTIALS,
  },
  {
    query: `# 2. Or sign in, if you have one.
mutation login($email: String!, $password: String!) {
  login(email: $email, password: $password) {
    id
    email
  }
}
`,
    variables: CREDENTIALS,
  },
  {
    query: `# 3. Who am I? The token opens a socket.
#    The next tabs fetch one by themselves.
query me {
  me {
    user {
      id
      email
    }
    token
    tokenExpiresAt
  }
}
`,
  },
  {
    query: `# 4. Press play: a number for you alone,
#    every few seconds.
subscription userCount {
  userCount
}
`,
  },
  {
    query: `# 5. What other backends publish to you.
subscription notifications {
  notifications {
    id
    kind
    title
    body
    data
    createdAt
  }
}
`,
  },
];
