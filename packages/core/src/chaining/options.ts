import { hkdfSync } from 'node:crypto'
import { z } from '../configuration/schema.js'
import { whole } from '../configuration/whole.js'
import { isServerIdentifier } from '../identifiers.js'
import { readSigningKeys, type SigningKeyOption, type SigningKeys } from '../own-keys/signing-keys.js'
import type { ConnectSuppliers } from './suppliers.js'

/** Call chaining (AAuth 10.1): handlers call other resources in their callers' names. */
export interface OnwardOptions {
  /** The suppliers that may be called, such as `https://supplier.example`. Default: every `https` server identifier. */
  readonly suppliers?: readonly string[]
  /** The local part of this resource's own agent identifier, `aauth:onward@shop.example`. Default `onward`. */
  readonly agent?: string
  /**
   * The key that this resource signs with as an agent: a private JWK or a signer. Its agent token is signed with the
   * key of the resource. Default: the key of the resource; the draft allows one key for both.
   */
  readonly key?: SigningKeyOption
  /**
   * Secrets of 256 bits, base64url, that encrypt what a held call keeps in the store. The first encrypts; all of them
   * decrypt. Every process needs the same. Default: derived from `signingKeys`; required if those are signers.
   */
  readonly secrets?: readonly string[]
  /** Seconds for one call of a supplier, including everything it requires. Default 30; 1 to 300. */
  readonly timeout?: number
  /** Tokens for suppliers that this process remembers, shared fairly by the callers' issuers. Default 10 000. */
  readonly tokens?: number
  /**
   * Used for every request to suppliers and person servers instead of a guarded fetch. It must then guard against
   * server-side request forgery itself, and must not follow redirects. Their metadata and keys are fetched with the
   * option `fetch` of the resource.
   */
  readonly fetch?: typeof globalThis.fetch
  /** Makes the client for suppliers. Default in the adapters: `connectSuppliers` of `@countersign/agent`. */
  readonly connect?: ConnectSuppliers
}

/** {@link OnwardOptions}, checked, with every default filled in. */
export interface OnwardSettings {
  readonly suppliers: ReadonlySet<string> | undefined
  readonly agent: string
  readonly key: SigningKeyOption | undefined
  readonly secrets: readonly Uint8Array[]
  readonly timeout: number
  readonly tokens: number
  readonly fetch: typeof globalThis.fetch | undefined
  readonly connect: ConnectSuppliers
}

const secret = z
  .string()
  .refine((value) => /^[A-Za-z0-9_-]{43}$/.test(value), 'must be 256 bits, base64url without padding')

/** The schema of {@link OnwardOptions}. */
export const onwardOptionsSchema: z.ZodType<OnwardOptions> = z.strictObject({
  suppliers: z
    .array(
      z
        .string()
        .refine(
          isServerIdentifier,
          'must be a server identifier: https, host only, lower case, no port, no trailing slash',
        ),
    )
    .optional(),
  // A `+` would look like a sub-agent (AAuth 10.2).
  agent: z
    .string()
    .regex(/^[A-Za-z0-9\-_.]{1,255}$/, 'must be letters, digits, -, _ and .')
    .optional(),
  key: z
    .custom<object>((value) => typeof value === 'object' && value !== null, 'must be a JWK or a signer')
    .optional(),
  secrets: z.array(secret).min(1).optional(),
  timeout: whole('seconds', 1, 300).optional(),
  tokens: z.int().nonnegative().optional(),
  fetch: z
    .custom<typeof globalThis.fetch>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  connect: z
    .custom<ConnectSuppliers>((value) => typeof value === 'function', 'must be a function')
    .optional(),
}) as z.ZodType<OnwardOptions>

/** @throws TypeError naming what is missing */
export function readOnwardOptions(
  given: OnwardOptions,
  signingKeys: SigningKeys | undefined,
): OnwardSettings {
  if (signingKeys === undefined)
    throw new TypeError('option signingKeys: is missing; onward needs a key that signs agent tokens')
  if (given.connect === undefined)
    throw new TypeError(
      'option onward.connect: must be connectSuppliers of @countersign/agent; the adapters bring it along',
    )
  const secrets = given.secrets?.map((text) => Buffer.from(text, 'base64url')) ?? derived(signingKeys)
  if (secrets.length === 0)
    throw new TypeError('option onward.secrets: is needed where all signing keys are kept elsewhere')
  const { suppliers, agent = 'onward', key, timeout = 30, tokens = 10_000, fetch, connect } = given
  return {
    suppliers: suppliers === undefined ? undefined : new Set(suppliers),
    agent,
    key,
    secrets,
    timeout,
    tokens,
    fetch,
    connect,
  }
}

function derived(keys: SigningKeys): Uint8Array[] {
  return readSigningKeys(keys, 'option signingKeys').flatMap(({ key }) => {
    const { d } = key as { readonly d?: unknown }
    if (typeof d !== 'string') return []
    return [new Uint8Array(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', 'countersign onward', 32))]
  })
}
