/** What is read and written beside the entries. Names are keys without the prefix, times milliseconds. */
export interface EpochCommands {
  /** Whether a command sent now goes out now. */
  ready(): boolean
  get(name: string): Promise<string | undefined>
  /** Sets it where there is nothing. */
  claim(name: string, value: string, milliseconds: number): Promise<boolean>
  put(name: string, value: string, milliseconds: number): Promise<unknown>
  /** As `claim` and `put`, and counts at once: whether replicas have it is known by what is written afterwards. */
  claimUnconfirmed(name: string, value: string, milliseconds: number): Promise<boolean>
  putUnconfirmed(name: string, value: string, milliseconds: number): Promise<unknown>
}

/** The name of the key that is there as long as everything else is. */
export const epochName = 'epoch'
/** The name of the key in a part of a cluster that says that all parts have an epoch. */
export const everywhereName = 'epoch:everywhere'
/** Milliseconds, longer than anything that is kept: every key has a time to live. */
export const epochMilliseconds: number = 10 * 366 * 86_400_000

/** In the place of an epoch: nobody is served. */
export const lost = 'lost'
/** Before the name of an epoch that whoever came first began. */
export const begun = 'new:'
/** Before the name of an epoch in which things are being written back, or have been: then there is a key of its name. */
export const restoring = 'restoring:'
/** Before the name of an epoch which the operator has begun. */
export const accepted = 'accepted:'

/** The name of the key that says of an epoch that everything has been written back. */
export const overName = (epoch: string): string => `${epochName}:${epoch.slice(restoring.length)}`
