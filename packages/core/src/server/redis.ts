// The default export: bundlers of ES modules for Node often declare `createRequire` themselves at the top of the file.
import nodeModule from 'node:module'
import { join } from 'node:path'
import type { Store } from '../store/store.js'

/** A store with a connection of its own. */
export interface OpenedStore extends Store {
  /** Closes the connection. Never rejects. */
  close(): Promise<void>
}

/**
 * The part of `@countersign/redis` that is used here. This package does not depend on it; only `AAUTH_REDIS_URL` asks
 * for it.
 */
interface RedisPackage {
  openRedisStore(url: string, options: { readonly prefix: string }): OpenedStore
}

/**
 * Opens the store of `AAUTH_REDIS_URL`. It connects by itself, now or later.
 *
 * @param from where the package is looked up first; then in the application's directory
 * @throws TypeError when a package is missing or the URL is invalid; the message never holds the URL, which may hold
 * a password
 */
export function openRedis(
  url: string,
  { from, prefix }: { readonly from: string | undefined; readonly prefix: string },
): OpenedStore {
  try {
    return loadRedis(from).openRedisStore(url, { prefix })
  } catch (cause) {
    throw new TypeError(`AAUTH_REDIS_URL: ${(cause as Error).message}`)
  }
}

const redisPackage = '@countersign/redis'

function loadRedis(from: string | undefined): RedisPackage {
  const application = join(process.cwd(), 'package.json')
  for (const place of from === undefined ? [application] : [from, application]) {
    const require = nodeModule.createRequire(place)
    let path: string
    try {
      path = require.resolve(redisPackage)
    } catch {
      continue
    }
    return require(path) as RedisPackage
  }
  throw new Error('needs the packages @countersign/redis and redis: npm install @countersign/redis redis')
}
