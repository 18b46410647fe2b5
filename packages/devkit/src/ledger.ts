import { readRequirement, readSignatureError } from '@countersign/agent'
import { pushBounded } from './bounded.js'

/** One exchange: from whom to whom, the request, and the result. */
export interface LedgerEntry {
  /** `sam`, or the host of a server. */
  readonly from: string
  /** The host that received it. */
  readonly to: string
  readonly method: string
  readonly url: string
  /** `0` when there was no response. */
  readonly status: number
  /** The requirement of the response: `person-token`, `auth-token`, `interaction`, … */
  readonly requirement: string | null
  /**
   * The result in a word: an error code, `person_token`, `auth_token`, `resource_token`, `metadata`, `keys`,
   * `pending`, `session`, `served`, or `unreachable`; `null` if the requirement alone says it all.
   */
  readonly outcome: string | null
  /** When it began, in milliseconds of the town’s clock. */
  readonly at: number
}

/** Limit on the entries; the oldest are dropped. */
const limit = 10_000

/** The record of every exchange, in the order in which they ended: a lookup comes before the request that needed it. */
export class Ledger {
  readonly #entries: LedgerEntry[] = []
  readonly #listeners = new Set<(entry: LedgerEntry) => void>()

  get entries(): readonly LedgerEntry[] {
    return this.#entries
  }

  record(entry: LedgerEntry): void {
    pushBounded(this.#entries, entry, limit)
    for (const listener of this.#listeners) listener(entry)
  }

  /** Calls `listener` with every further entry. @returns a function that stops it */
  watch(listener: (entry: LedgerEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Reads a response for the ledger without consuming it. */
export async function describe(
  response: Response,
): Promise<Pick<LedgerEntry, 'status' | 'requirement' | 'outcome'>> {
  return {
    status: response.status,
    requirement: readRequirement(response)?.name ?? null,
    outcome: await outcomeOf(response),
  }
}

const telling = ['person_token', 'auth_token', 'resource_token'] as const

async function outcomeOf(response: Response): Promise<string | null> {
  const signatureError = readSignatureError(response)
  if (signatureError !== undefined) return signatureError.error
  const body = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    ? await bodyOf(response)
    : undefined
  if (response.status >= 400) return typeof body?.['error'] === 'string' ? body['error'] : null
  if (response.status === 202) return typeof body?.['status'] === 'string' ? body['status'] : 'pending'
  if (response.status >= 300) return 'redirected'
  if (response.headers.has('aauth-access')) return 'session'
  if (Array.isArray(body?.['keys'])) return 'keys'
  if (typeof body?.['issuer'] === 'string') return 'metadata'
  return telling.find((name) => typeof body?.[name] === 'string') ?? 'served'
}

async function bodyOf(response: Response): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const value: unknown = await response.clone().json()
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
