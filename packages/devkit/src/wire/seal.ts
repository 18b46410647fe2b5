import {
  baseComponents,
  contentDigest,
  type KeyScheme,
  type SigningKey,
  signRequest,
} from '@countersign/core/signature'
import { type TownRequest, toWire, type WireRequest, withHeaders } from './request.js'

/** How to sign a request. All members but the first three have honest defaults; they are for hostile tests. */
export interface SealOptions {
  readonly key: Pick<SigningKey, 'sign'>
  readonly signatureKey: KeyScheme
  /** Seconds. */
  readonly created: number
  /** Seconds; left out by default. */
  readonly expires?: number | undefined
  /**
   * Covered components instead of the honest choice: the base, those for the body, and `authorization` if it has an
   * AAuth token.
   */
  readonly components?: readonly string[] | undefined
  /** Components to cover in addition to the honest choice. */
  readonly additional?: readonly string[] | undefined
  /** Default `sig`. */
  readonly label?: string | undefined
  /** The authority to sign for, if different from the host's. */
  readonly authority?: string | undefined
}

/**
 * Adds `Content-Digest` when there is a body, and signs.
 *
 * @example
 * ```ts
 * import { createKey, seal } from '@countersign/devkit'
 *
 * const request = await seal(
 *   { method: 'POST', url: 'https://notes.example/notes', body: 'Milk' },
 *   {
 *     key: createKey(),
 *     signatureKey: { scheme: 'jwt', jwt: process.env['AGENT_TOKEN'] ?? '' },
 *     created: Math.floor(Date.now() / 1000),
 *   },
 * )
 * ```
 */
export async function seal(request: TownRequest, options: SealOptions): Promise<WireRequest> {
  const bare = toWire(request)
  const wire =
    bare.body === undefined || names(bare).has('content-digest')
      ? bare
      : withHeaders(bare, { 'Content-Digest': contentDigest(bare.body) })
  const fields = await signRequest(
    {
      method: wire.method,
      authority: options.authority ?? wire.host,
      scheme: 'https',
      target: wire.target,
      rawHeaders: wire.rawHeaders,
    },
    {
      key: options.key,
      signatureKey: options.signatureKey,
      created: options.created,
      components: options.components ?? honestComponents(wire, options.additional ?? []),
      ...(options.expires === undefined ? {} : { expires: options.expires }),
      ...(options.label === undefined ? {} : { label: options.label }),
    },
  )
  return withHeaders(wire, { ...fields })
}

function honestComponents(wire: WireRequest, additional: readonly string[]): string[] {
  const present = names(wire)
  const body =
    wire.body === undefined ? [] : ['content-type', 'content-digest'].filter((name) => present.has(name))
  const session = /^aauth /i.test(present.get('authorization') ?? '') ? ['authorization'] : []
  // A component that this request does not have is not meant for this request.
  const asked = additional.filter((name) => name.startsWith('@') || name.startsWith('"') || present.has(name))
  return [...new Set([...baseComponents, ...body, ...session, ...asked])]
}

function names(wire: WireRequest): Map<string, string> {
  const fields = new Map<string, string>([['signature-key', '']])
  for (let i = 0; i < wire.rawHeaders.length; i += 2) {
    fields.set((wire.rawHeaders[i] as string).toLowerCase(), wire.rawHeaders[i + 1] as string)
  }
  return fields
}
