import type { ResourceOptions } from '@countersign/core'
import { createRedisStore } from '@countersign/redis'
import { createClient } from 'redis'
import { newSigningKey } from './start.js'

/** What instances of the target have in common. */
export interface SharedState {
  readonly options: Pick<ResourceOptions, 'store' | 'signingKeys'>
  close(): void
}

/**
 * Connects to a Redis. Instances that share it sign with one key, which the first of them makes and leaves there: a
 * convenience of this target, whose keys are worth nothing. A real key has no place in the store.
 */
export async function openSharedState(url: string): Promise<SharedState> {
  const client = createClient({ url }).on('error', (error: Error) => console.error('redis:', error.message))
  await client.connect()
  const store = createRedisStore(client)
  await store.claim('target:key', JSON.stringify(newSigningKey()), 86_400)
  const signingKey = JSON.parse((await store.get('target:key')) as string) as object
  return { options: { store, signingKeys: [signingKey] }, close: () => client.destroy() }
}
