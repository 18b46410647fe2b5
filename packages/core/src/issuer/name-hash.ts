import { hash, randomBytes } from 'node:crypto'

/**
 * Makes a hash of names, of 32 bits, under a key of its own, so that nobody can choose a name that is taken for another's.
 * For bounded memories of names that strangers chose: the length of a name then costs nothing.
 */
export function createNameHash(): (name: string) => number {
  const key = randomBytes(16).toString('base64')
  // As text: a buffer of its own for each hash takes longer to make than the hash.
  return (name) => Number.parseInt(hash('sha256', key + name, 'hex').slice(0, 8), 16) | 0
}
