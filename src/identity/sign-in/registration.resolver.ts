import { Inject } from '@nestjs/common';
import { Query, registerEnumType, Resolver } from '@nestjs/graphql';
import { REGISTRATION_CONFIG, type RegistrationConfig } from '../identity.config.js';

/** Who may create an account, for pages that show a registration form. */
export enum Registration {
  OPEN = 'open',
  INVITE = 'invite',
  CLOSED = 'closed',
}

registerEnumType(Registration, {
  name: 'Registration',
  description: 'Who may create an account.',
  valuesMap: {
    OPEN: { description: 'Anyone.' },
    INVITE: { description: 'Holders of an invitation; pass its code to `register`.' },
    CLOSED: { description: 'No one.' },
  },
});

const MODES: Readonly<Record<RegistrationConfig['mode'], Registration>> = {
  open: Registration.OPEN,
  invite: Registration.INVITE,
  closed: Registration.CLOSED,
};

/** `registration`: whether the page shows a registration form. */
@Resolver()
export class RegistrationResolver {
  constructor(@Inject(REGISTRATION_CONFIG) private readonly config: RegistrationConfig) {}

  @Query(() => Registration, { description: 'Who may create an account here.' })
  registration(): Registration {
    return MODES[this.config.mode];
  }
}
