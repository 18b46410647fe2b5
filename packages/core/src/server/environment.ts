import { keyMade, makeKey } from '../own-keys/made-key.js'
import { importKey, readSigningKeys, type SigningKeys } from '../own-keys/signing-keys.js'
import type { Store } from '../store/store.js'
import type { AnyResourceOptions } from './options.js'
import { openRedis } from './redis.js'
import { resourceFault } from './resource-identifier.js'
import type { ResourceOptions } from './resource-options.js'

/** Options of which the environment may bring what is left out. */
export type PartialOptions<Options extends AnyResourceOptions> = Omit<Options, 'resource'> &
  Partial<Pick<Options, 'resource'>>

/** What the environment is read from, and what is told. */
export interface EnvironmentContext {
  /** Default `process.env`. */
  readonly variables?: Readonly<Record<string, string | undefined>>
  /** `import.meta.url` of the adapter: where `@countersign/redis` is looked for, before the application's directory. */
  readonly from?: string
  /** Told that a key was made. Default: a Node warning. */
  readonly warn?: (message: string) => void
}

/** Options that are complete, and what was opened for them. */
export interface CompletedOptions<Options> {
  readonly options: Options
  /** Closes what was opened: a store of the environment. Never rejects. */
  close(): Promise<void>
}

/**
 * Fills in from the environment what options leave out: `resource` from `AAUTH_RESOURCE`, `signingKeys` from
 * `AAUTH_SIGNING_KEYS`, `store` from `AAUTH_REDIS_URL`. What is given wins, and a variable is then not even read. This is
 * the only place where the environment is read. Outside production (`NODE_ENV`) an Ed25519 key is made where one is
 * needed and there is none.
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
    // For its error, which names the variable.
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

/** Whether something is sure to be signed; a resource that asks only who somebody is signs nothing. */
function needsKey(
  given: Readonly<Partial<Record<'scopes' | 'accessServer' | 'accessMode' | 'onward', unknown>>>,
): boolean {
  const { scopes, accessServer, accessMode, onward } = given
  const hasScopes = typeof scopes === 'object' && scopes !== null && Object.keys(scopes).length > 0
  return hasScopes || accessServer !== undefined || accessMode === 'auth-token' || onward !== undefined
}

let warned = false

/** Several resources in one process have a key each, and one warning. */
function warnOnce(message: string): void {
  if (warned) return
  warned = true
  process.emitWarning(message, { type: 'AAuthWarning', code: 'AAUTH_SIGNING_KEYS' })
}
