import { createRedisStore } from '@countersign/redis'
import { createClient } from 'redis'

/**
 * Where revocations and denials are kept. With a Redis, every process knows of them; without, this process alone does, and
 * only until it ends.
 */
export async function openStore(url) {
  if (url === undefined) return { store: undefined, close: () => {} }
  const client = createClient({ url })
  client.on('error', (error) => console.error('redis:', error.message))
  await client.connect()
  return { store: createRedisStore(client), close: () => client.close() }
}
