import { hash, randomBytes } from 'node:crypto'

/**
 * Makes a hash of names, of 32 bits, with its own random key, so that nobody can choose a name that collides with
 * another. For bounded memories of names that strangers chose: the length of a name then does not matter.
 */
export function createNameHash(): (name: string) => number {
  const key = randomBytes(16).toString('base64')
  // As text, because creating a buffer for each hash takes longer than the hash.
  return (name) => Number.parseInt(hash('sha256', key + name, 'hex').slice(0, 8), 16) | 0
}
