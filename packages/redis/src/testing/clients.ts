import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createClient as createClient5 } from 'redis5'
import type { RedisClient } from '../index.js'

/** A connected client. */
export interface Connected {
  readonly client: RedisClient
  close(): unknown
}

// Clients as applications create them: default settings, their own reconnecting, and an error listener.
export const clients: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  'redis 6': async (url) => {
    const client = createClient({ url }).on('error', () => {})
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  'redis 5': async (url) => {
    const client = createClient5({ url }).on('error', () => {})
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  ioredis: async (url) => {
    const client = new Redis(url).on('error', () => {})
    await new Promise((resolve) => client.once('ready', resolve))
    return { client, close: () => client.disconnect() }
  },
}
