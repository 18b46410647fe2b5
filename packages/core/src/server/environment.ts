import { keyMade, makeKey } from '../own-keys/made-key.js'
import { importKey, readSigningKeys, type SigningKeys } from '../own-keys/signing-keys.js'
import type { Store } from '../store/store.js'
import type { AnyResourceOptions } from './options.js'
import { openRedis } from './redis.js'
import { resourceFault } from './resource-identifier.js'
import type { ResourceOptions } from './resource-options.js'

/** Options that the environment may complete. */
export type PartialOptions<Options extends AnyResourceOptions> = Omit<Options, 'resource'> &
  Partial<Pick<Options, 'resource'>>

/** Where the environment is read from, and who is told. */
export interface EnvironmentContext {
  /** Default `process.env`. */
  readonly variables?: Readonly<Record<string, string | undefined>>
  /**
   * `import.meta.url` of the adapter: `@countersign/redis` is looked up from there first, then from the application's
   * directory.
   */
  readonly from?: string
  /** Called when a key was made. Default: a Node warning. */
  readonly warn?: (message: string) => void
}

/** Complete options, and a way to close what was opened for them. */
export interface CompletedOptions<Options> {
  readonly options: Options
  /** Closes the store that was opened for the environment. Never rejects. */
  close(): Promise<void>
}

/**
 * Completes options from the environment: `resource` from `AAUTH_RESOURCE`, `signingKeys` from `AAUTH_SIGNING_KEYS`,
 * `store` from `AAUTH_REDIS_URL`. An option that is given wins, and its variable is not read. No other code reads the
 * environment. Outside production (`NODE_ENV`), an Ed25519 key is made if one is needed and none is given.
 *
 * @throws TypeError naming the variable at fault, or the option when there is neither
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { fromEnvironment } from '@countersign/core/adapter'
 *
 * const { options, close } = fromEnvironment({ scopes: { 'notes.read': 'Read your notes' } })
 * const server = createResourceServer(options)
 * process.once('SIGTERM', () => {
 *   server.close()
 *   void close()
 * })
 * ```
 */
export function fromEnvironment<Options extends AnyResourceOptions = ResourceOptions>(
  given: PartialOptions<Options>,
  { variables = process.env, from, warn = warnOnce }: EnvironmentContext = {},
): CompletedOptions<Options> {
  const read = (name: string, option: string): string | undefined => {
    const value = option in given ? undefined : variables[name]
    if (value?.trim() === '') throw new TypeError(`${name}: is set and empty; set a value, or remove it`)
    return value
  }
  const resource = read('AAUTH_RESOURCE', 'resource')
  const fault = resource === undefined ? undefined : resourceFault(resource)
  if (fault !== undefined) throw new TypeError(`AAUTH_RESOURCE: ${fault}`)
  const found: { resource?: string; signingKeys?: SigningKeys; store?: Store } = {}
  if (resource !== undefined) found.resource = resource
  else if (!('resource' in given))
    throw new TypeError(
      "option resource: is missing, and AAUTH_RESOURCE is not set; it is the https:// origin of this API, 'https://notes.example'",
    )
  const keys = read('AAUTH_SIGNING_KEYS', 'signingKeys')
  if (keys !== undefined) {
    const placed = readSigningKeys(keys, 'AAUTH_SIGNING_KEYS')
    // Called for its error, which names the variable.
    for (const each of placed) importKey(each)
    found.signingKeys = placed.map(({ key }) => key)
  } else if (!('signingKeys' in given) && needsKey(given) && variables['NODE_ENV'] !== 'production') {
    found.signingKeys = makeKey()
    warn(keyMade)
  }
  const url = read('AAUTH_REDIS_URL', 'store')
  const name = resource ?? given.resource
  if (url === undefined || resourceFault(name) !== undefined)
    return { options: { ...given, ...found } as Options, close: async () => {} }
  const store = openRedis(url, { from, prefix: `countersign:${String(name).slice('https://'.length)}:` })
  return { options: { ...given, ...found, store } as unknown as Options, close: () => store.close() }
}

/** Whether a key will certainly be used. A resource that only asks who the caller is signs nothing. */
function needsKey(
  given: Readonly<Partial<Record<'scopes' | 'accessServer' | 'accessMode' | 'onward', unknown>>>,
): boolean {
  const { scopes, accessServer, accessMode, onward } = given
  const hasScopes = typeof scopes === 'object' && scopes !== null && Object.keys(scopes).length > 0
  return hasScopes || accessServer !== undefined || accessMode === 'auth-token' || onward !== undefined
}

let warned = false

/** Several resources in one process have a key each, but one warning. */
function warnOnce(message: string): void {
  if (warned) return
  warned = true
  process.emitWarning(message, { type: 'AAuthWarning', code: 'AAUTH_SIGNING_KEYS' })
}
