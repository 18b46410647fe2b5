import { setTimeout } from 'node:timers/promises'
import { createGuardedFetch } from '@countersign/core'
import {
  createIssuerCache,
  type IssuerKeys,
  type IssuerOptions,
  importSigningKey,
  isServerIdentifier,
  type SigningKey,
} from '@countersign/core/issuer'
import { type AgentLimits, agentLimits } from './limits.js'
import type { AgentOptions } from './options.js'
import { createMemoryWallet, type Wallet } from './wallet.js'

/** The checked options, with their defaults. */
export interface Settings
  extends Pick<
    AgentOptions,
    | 'agentToken'
    | 'parent'
    | 'personServer'
    | 'onInteraction'
    | 'onClarification'
    | 'mission'
    | 'justification'
  > {
  readonly key: SigningKey
  readonly capabilities: readonly string[]
  readonly tokenRequest: Readonly<Record<string, unknown>>
  readonly clock: () => number
  readonly wait: (seconds: number, signal: AbortSignal) => Promise<void>
  readonly strict: boolean
  readonly limits: AgentLimits
  readonly wallet: Wallet
  readonly issuers: IssuerKeys
  readonly fetchResource: typeof globalThis.fetch
  /** For person servers, which strangers may have named. */
  readonly fetchParty: typeof globalThis.fetch
}

/** The type of each option that needs no further check. */
const kinds: ReadonlyMap<string, readonly [test: (value: unknown) => boolean, wanted: string]> = new Map([
  ['key', [isObject, 'a private JWK or a signer']],
  ['agentToken', [isTextOrFunction, 'a JWT, or a function that brings one']],
  ['personServer', [isServerIdentifier, 'a server identifier, such as https://ps.example']],
  ['parent', [isParent, 'an agent']],
  ['wallet', [isWallet, 'an object with get, set and delete']],
  ['onInteraction', [isFunction, 'a function']],
  ['onClarification', [isFunction, 'a function']],
  ['capabilities', [isNames, 'a list of lower-case names, such as interaction']],
  ['mission', [isText, 'a text that is not empty']],
  ['justification', [isText, 'a text that is not empty']],
  ['tokenRequest', [isObject, 'an object with members of token requests']],
  ['limits', [isObject, 'an object']],
  ['fetch', [isFunction, 'a function']],
  ['issuers', [isObject, 'options of issuers, or a cache of their keys']],
  ['clock', [isFunction, 'a function']],
  ['wait', [isFunction, 'a function']],
  ['strict', [(value: unknown) => typeof value === 'boolean', 'true or false']],
])
const required: readonly string[] = ['key', 'agentToken']

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError naming the invalid option and what it must be
 */
export function settle(options: AgentOptions): Settings {
  check(options)
  const limits = readLimits(options.limits)
  const clock = options.clock ?? (() => Date.now())
  const { onInteraction, onClarification, fetch } = options
  return {
    key: readKey(options.key),
    agentToken: options.agentToken,
    personServer: options.personServer,
    parent: options.parent,
    wallet: options.wallet ?? createMemoryWallet(),
    onInteraction,
    onClarification,
    capabilities: options.capabilities ?? [
      ...(onInteraction === undefined ? [] : ['interaction']),
      ...(onClarification === undefined ? [] : ['clarification']),
    ],
    mission: options.mission,
    justification: options.justification,
    tokenRequest: options.tokenRequest ?? {},
    limits,
    issuers: readIssuers(options, clock),
    fetchResource: fetch ?? ((input, init) => globalThis.fetch(input, init)),
    fetchParty: fetch ?? guardedFetch(options.issuers, limits),
    clock,
    wait: options.wait ?? (async (seconds, signal) => setTimeout(seconds * 1000, undefined, { signal })),
    strict: options.strict ?? false,
  }
}

function check(options: AgentOptions): void {
  if (!isObject(options)) throw new TypeError('createAgent: the options must be an object')
  for (const name of required) {
    const value = (options as unknown as Record<string, unknown>)[name]
    if (value === undefined)
      throw new TypeError(`option ${name}: is undefined; it must be ${kinds.get(name)?.[1]}`)
  }
  for (const [name, value] of Object.entries(options)) {
    const kind = kinds.get(name)
    if (kind === undefined) throw new TypeError(`option ${name} is not known`)
    if (value !== undefined && !kind[0](value)) throw new TypeError(`option ${name}: must be ${kind[1]}`)
  }
}

function readKey(key: object): SigningKey {
  try {
    return importSigningKey(key)
  } catch (cause) {
    throw new TypeError(`option key: ${(cause as Error).message}`, { cause })
  }
}

function readLimits(given: AgentOptions['limits'] = {}): AgentLimits {
  const limits: Record<string, number> = { ...agentLimits }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(agentLimits, name)) throw new TypeError(`option limits.${name} is not known`)
    if (value === undefined) continue
    // The longest time that a timer can wait.
    if (!Number.isSafeInteger(value) || value < 1 || value > 2_147_483_647)
      throw new TypeError(`option limits.${name}: must be a positive whole number below 2^31`)
    limits[name] = value
  }
  return limits as unknown as AgentLimits
}

function readIssuers({ issuers = {}, fetch }: AgentOptions, clock: () => number): IssuerKeys {
  if (isCache(issuers)) return issuers
  // Keys are not refreshed in the background: an agent needs none between its requests, and need not be closed.
  const every = () => () => {}
  return createIssuerCache(issuers, { clock, random: Math.random, report: () => {}, fetch, every })
}

function guardedFetch(
  issuers: AgentOptions['issuers'] = {},
  { exchange, answerBytes }: AgentLimits,
): typeof globalThis.fetch {
  const { privateHosts = [], allow = [], nat64Prefix } = isCache(issuers) ? ({} as IssuerOptions) : issuers
  return createGuardedFetch({
    privateHosts,
    namedHosts: allow.map((issuer) => issuer.slice('https://'.length)),
    nat64Prefix,
    limits: { timeout: exchange, jwksBytes: answerBytes },
  })
}

function isCache(issuers: IssuerOptions | IssuerKeys): issuers is IssuerKeys {
  return typeof (issuers as IssuerKeys).find === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isTextOrFunction(value: unknown): boolean {
  return isText(value) || isFunction(value)
}

function isNames(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((name) => typeof name === 'string' && /^[a-z*][a-z0-9_.*-]*$/.test(name))
  )
}

function isWallet(value: unknown): boolean {
  return hasFunctions(value, 'get', 'set', 'delete')
}

function isParent(value: unknown): boolean {
  return hasFunctions(value, 'fetchPersonToken', 'fetchAuthToken')
}

function hasFunctions(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => isFunction((value as Record<string, unknown>)[name]))
}
