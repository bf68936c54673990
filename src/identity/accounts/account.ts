/** One account as its owner may see it. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly createdAt: Date;
}

/** An account whose password has just been verified, with the proof: the hash it was verified against. */
export interface VerifiedAccount extends Account {
  readonly passwordHash: string;
}
