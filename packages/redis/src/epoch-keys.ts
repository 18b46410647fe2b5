/** Commands for the keys of an epoch. Names are keys without the prefix; times are in milliseconds. */
export interface EpochCommands {
  /** Whether a command is sent at once. */
  ready(): boolean
  get(name: string): Promise<string | undefined>
  /** Sets the key if it does not exist. */
  claim(name: string, value: string, milliseconds: number): Promise<boolean>
  put(name: string, value: string, milliseconds: number): Promise<unknown>
  /** Like `claim` and `put`, without waiting for replicas. A later confirmed write also confirms these. */
  claimUnconfirmed(name: string, value: string, milliseconds: number): Promise<boolean>
  putUnconfirmed(name: string, value: string, milliseconds: number): Promise<unknown>
}

/** The name of the key that exists as long as the rest of the data does. */
export const epochName = 'epoch'
/** The name of the key in a part of a cluster that says that all parts have an epoch. */
export const everywhereName = 'epoch:everywhere'
/** Milliseconds; longer than the time to live of any other key. */
export const epochMilliseconds: number = 10 * 366 * 86_400_000

/** Value in place of an epoch: all processes refuse. */
export const lost = 'lost'
/** Prefix of an epoch that the first process began. */
export const begun = 'new:'
/**
 * Prefix of an epoch in which data is being written back, or has been; in the second case a key with its name exists.
 */
export const restoring = 'restoring:'
/** Prefix of an epoch that the operator began. */
export const accepted = 'accepted:'

/** The name of the key that says that everything has been written back in an epoch. */
export const overName = (epoch: string): string => `${epochName}:${epoch.slice(restoring.length)}`
