import type { ResultOf } from 'gql.tada';
import { graphql } from './graphql.js';

export const ME = graphql(`
  query Me {
    me {
      user {
        id
        email
        createdAt
      }
    }
  }
`);

export const REGISTRATION = graphql(`
  query Registration {
    registration
  }
`);

export const REGISTER = graphql(`
  mutation Register($email: String!, $password: String!, $invitation: String) {
    register(email: $email, password: $password, invitation: $invitation) {
      id
      email
      createdAt
    }
  }
`);

export const LOGIN = graphql(`
  mutation Login($email: String!, $password: String!) {
    login(email: $email, password: $password) {
      id
      email
      createdAt
    }
  }
`);

export const LOGOUT = graphql(`
  mutation Logout {
    logout
  }
`);

export const SESSIONS = graphql(`
  query Sessions {
    sessions {
      id
      current
      createdAt
      lastSeenAt
      expiresAt
      userAgent
      ip
    }
  }
`);

export const REVOKE_SESSION = graphql(`
  mutation RevokeSession($id: ID!) {
    revokeSession(id: $id)
  }
`);

export const REVOKE_OTHER_SESSIONS = graphql(`
  mutation RevokeOtherSessions {
    revokeOtherSessions
  }
`);

export const CHANGE_PASSWORD = graphql(`
  mutation ChangePassword($current: String!, $next: String!) {
    changePassword(current: $current, next: $next)
  }
`);

export const DELETE_ACCOUNT = graphql(`
  mutation DeleteAccount($password: String!) {
    deleteAccount(password: $password)
  }
`);

export const USER_COUNT = graphql(`
  subscription UserCount {
    userCount
  }
`);

export const NOTIFICATIONS = graphql(`
  subscription Notifications {
    notifications {
      id
      kind
      title
      body
      createdAt
    }
  }
`);

/** The signed-in user. */
export type User = ResultOf<typeof LOGIN>['login'];

/** One session of the signed-in user. */
export type Session = ResultOf<typeof SESSIONS>['sessions'][number];

/** One notification as received. */
export type Notification = ResultOf<typeof NOTIFICATIONS>['notifications'];
