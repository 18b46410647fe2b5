import { z } from '../configuration/schema.js'
import { FairMap } from '../issuer/fair-map.js'
import { siteOf } from '../issuer/site.js'

/** One row of an {@link AdoptionReport}: requests of one agent to one route that came to the same end. */
export interface AdoptionRow {
  /** The route as it was declared, `/notes/:id`; empty where the framework does not tell. */
  readonly route: string
  /** `served`, an error code, a requirement, or a policy's own code. */
  readonly code: string
  /** The status of the answer, sent or only observed; 200 for `served`. */
  readonly status: number
  /** Whether the request got this answer. `false`: it was only observed, and went on to its handler. */
  readonly enforced: boolean
  /** The issuer of the token, if it verified. */
  readonly issuer?: string | undefined
  /** `aauth:local@domain` where an agent token was presented, otherwise the thumbprint of the key as `jkt:…`. */
  readonly agent?: string | undefined
  readonly count: number
  /** When the first request of the row came, in seconds. */
  readonly first: number
  /** When the last request of the row came, in seconds. */
  readonly last: number
  /** The id of the first request: SHA-256 of the value of its field `Signature`, in base64url. Absent if it has none. */
  readonly example?: string | undefined
}

/** One request to count. */
export interface Noted
  extends Pick<AdoptionRow, 'route' | 'code' | 'status' | 'enforced' | 'issuer' | 'agent'> {
  /** Seconds. */
  readonly at: number
  /** Returns the id of the request; called only for the first of a row. */
  readonly id: () => string | undefined
}

const rowSchema = z.object({
  route: z.string(),
  code: z.string(),
  status: z.int(),
  enforced: z.boolean(),
  issuer: z.string().optional(),
  agent: z.string().optional(),
  count: z.int().positive(),
  first: z.number(),
  last: z.number(),
  example: z.string().optional(),
})

type Mutable = { -readonly [Name in keyof AdoptionRow]: AdoptionRow[Name] }

/** Limit on the characters of all rows with an agent, as JSON. A store takes values of up to 262 144 bytes. */
const most = 180_000
/** Limit on the rows without an agent: one for each route and code, if the framework names its routes. */
const mostOthers = 200
/** Characters of a row beside those of its names. */
const ofRow = 200
const longest = { route: 120, code: 64, issuer: 120, agent: 120 } as const

/**
 * Text that a caller may have chosen, as at most `length` bytes of printable ASCII: it is stored, and operators read
 * it.
 */
function clip(text: string, length: number): string {
  const plain = text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
  return plain.length > length ? `${plain.slice(0, length - 1)}~` : plain
}

const keyOf = ({ route, code, status, enforced, issuer = '', agent = '' }: AdoptionRow | Noted): string =>
  `${route}\n${code}\n${status}\n${enforced}\n${issuer}\n${agent}`

/**
 * Counts requests by route, code, issuer and agent, in bounded memory. When it is full, the site with the most rows
 * (`siteOf`) loses its newest row, which is then counted without an agent. Sums stay right, and the agents of one
 * site do not displace those of others.
 */
export class Tally {
  readonly #rows: FairMap<Mutable>
  readonly #others = new Map<string, Mutable>()

  constructor() {
    this.#rows = new FairMap(most, 'newest', (_, row) => this.#fold(row))
  }

  get isEmpty(): boolean {
    return this.#rows.size + this.#others.size === 0
  }

  note(noted: Noted): void {
    const key = keyOf(noted)
    const known = this.#rows.get(key) ?? this.#others.get(key)
    if (known !== undefined) {
      known.count++
      known.last = Math.max(known.last, noted.at)
      return
    }
    const { at, id, ...names } = noted
    this.add({ ...names, count: 1, first: at, last: at, example: id() })
  }

  /** Adds a row, to the one with the same names if there is one. */
  add(given: AdoptionRow): void {
    const row: Mutable = {
      ...given,
      route: clip(given.route, longest.route),
      code: clip(given.code, longest.code),
      ...(given.issuer === undefined ? {} : { issuer: clip(given.issuer, longest.issuer) }),
      ...(given.agent === undefined ? {} : { agent: clip(given.agent, longest.agent) }),
    }
    const key = keyOf(row)
    const known = this.#rows.get(key) ?? (row.agent === undefined ? this.#others.get(key) : undefined)
    if (known !== undefined) join(known, row)
    else if (row.agent === undefined) this.#fold(row)
    else {
      const { route, code, issuer = '', agent } = row
      const weight = ofRow + route.length + code.length + issuer.length + agent.length
      this.#rows.add(key, siteOf(issuer), row, weight)
    }
  }

  /** Counts a row without its agent, and if there are too many of these, without its route too. */
  #fold({ issuer: _, agent: __, ...row }: Mutable): void {
    const other = this.#others.get(keyOf(row))
    if (other !== undefined) join(other, row)
    else if (this.#others.size < mostOthers) this.#others.set(keyOf(row), row)
    else {
      const rest = { ...row, route: '*', code: '*', status: 0, enforced: false }
      const known = this.#others.get(keyOf(rest))
      if (known === undefined) this.#others.set(keyOf(rest), rest)
      else join(known, rest)
    }
  }

  /** @param since seconds; rows whose last request is older are left out */
  merge(other: Tally, since: number = Number.NEGATIVE_INFINITY): void {
    for (const row of other.rows()) if (row.last >= since) this.add(row)
  }

  /** The rows, the most frequent first. */
  rows(): AdoptionRow[] {
    return [...this.#rows.values(), ...this.#others.values()].sort((a, b) => b.count - a.count)
  }
}

function join(row: Mutable, more: AdoptionRow): void {
  row.count += more.count
  if (more.first < row.first && more.example !== undefined) row.example = more.example
  row.first = Math.min(row.first, more.first)
  row.last = Math.max(row.last, more.last)
}

/** Reads a stored tally. A value of another form counts as empty. */
export function readRows(value: unknown): Tally {
  const tally = new Tally()
  const rows = z.array(rowSchema).safeParse(value)
  if (rows.success) for (const row of rows.data) tally.add(row)
  return tally
}
