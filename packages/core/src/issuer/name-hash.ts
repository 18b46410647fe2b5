import { hash, randomBytes } from 'node:crypto'

/**
 * Makes a hash of names, of 32 bits, under a key of its own, so that nobody can choose a name that is taken for another's.
 * For bounded memories of names that strangers chose: the length of a name then costs nothing.
 */
export function createNameHash(): (name: string) => number {
  const key = randomBytes(16).toString('base64')
  return (name) => hash('sha256', key + name, 'buffer').readInt32BE()
}
