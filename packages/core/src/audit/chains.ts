import type { AuditFault } from './report.js'
import type { HeadStatement } from './statement.js'

/** The part of a chain that is in one file. */
export interface Segment {
  readonly chain: string
  readonly resource: string
  readonly file: string
  readonly line: number
  readonly first: number
  readonly prev: string | undefined
  last: number
  hash: string
  lastLine: number
}

/** The place of a record in its chain. */
interface Linked {
  readonly chain: string
  readonly resource: string
  readonly seq: number
  readonly prev?: string
}

/**
 * Checks the chains of a log: that each record follows the one before it, and that they reach as far as their signed
 * heads say.
 */
export class Chains {
  readonly #fault: (fault: AuditFault) => void
  readonly #earlierGone: boolean
  readonly #segments = new Map<string, Segment[]>()
  readonly #heads = new Map<string, (HeadStatement & { readonly file: string; readonly line: number })[]>()
  /** Hashes of the records that the first records of chains follow, and whether they are there. */
  readonly #wanted = new Map<string, boolean>()
  /** The hash of each record that a head names. */
  readonly #hashes = new Map<string, string>()

  /** @param earlierGone whether the first files may be missing */
  constructor(fault: (fault: AuditFault) => void, earlierGone: boolean) {
    this.#fault = fault
    this.#earlierGone = earlierGone
  }

  /** The first record of a chain follows one of another chain. */
  want(prev: string): void {
    this.#wanted.set(prev, false)
  }

  noteHead(head: HeadStatement, file: string, line: number): void {
    const heads = this.#heads.get(head.chain) ?? []
    heads.push({ ...head, file, line })
    this.#heads.set(head.chain, heads)
    this.#hashes.set(`${head.chain} ${head.seq}`, '')
  }

  /**
   * Checks that a record follows the one before it in its file.
   *
   * @param inFile the parts of chains in the file so far
   */
  follow(
    inFile: Map<string, Segment>,
    { chain, resource, seq, prev }: Linked,
    hash: string,
    file: string,
    line: number,
  ): void {
    if (this.#wanted.has(hash)) this.#wanted.set(hash, true)
    const name = `${chain} ${seq}`
    if (this.#hashes.has(name)) this.#hashes.set(name, hash)
    const segment = inFile.get(chain)
    if (segment === undefined) {
      const begun = { chain, resource, file, line, first: seq, prev, last: seq, hash, lastLine: line }
      inFile.set(chain, begun)
      const all = this.#segments.get(chain) ?? []
      all.push(begun)
      this.#segments.set(chain, all)
      return
    }
    if (resource !== segment.resource)
      this.#fault({ kind: 'broken', file, line, chain, seq, detail: ofAnother })
    if (seq > segment.last + 1) {
      const detail = `${seq - segment.last - 1} records are gone before it`
      this.#fault({ kind: 'missing', file, line, chain, seq, detail })
    } else if (seq !== segment.last + 1 || prev !== segment.hash)
      this.#fault({
        kind: 'broken',
        file,
        line,
        chain,
        seq,
        detail: 'it does not follow the record before it',
      })
    segment.last = seq
    segment.hash = hash
    segment.lastLine = line
  }

  /** Joins the parts and compares them with the heads. @returns how many records are after the last head */
  conclude(): number {
    let unsigned = 0
    for (const [chain, segments] of this.#segments) unsigned += this.#joinSegments(chain, segments)
    for (const [chain, heads] of this.#heads) for (const head of heads) this.#checkHead(chain, head)
    return unsigned
  }

  /** Joins the parts of a chain over its files. @returns how many records are after the last head */
  #joinSegments(chain: string, segments: readonly Segment[]): number {
    const sorted = [...segments].sort((a, b) => a.first - b.first)
    let before: Segment | undefined
    for (const segment of sorted) {
      const { file, line, first, prev } = segment
      const at = { file, line, chain, seq: first }
      if (before !== undefined && before.resource !== segment.resource)
        this.#fault({ ...at, kind: 'broken', detail: ofAnother })
      if (before === undefined) {
        const gone = first > 0 ? `${first} records are gone before it` : this.#beforeChain(prev)
        if (gone !== undefined && !this.#earlierGone) this.#fault({ ...at, kind: 'missing', detail: gone })
      } else if (first > before.last + 1)
        this.#fault({
          ...at,
          kind: 'missing',
          detail: `${first - before.last - 1} records are gone before it`,
        })
      else if (first !== before.last + 1 || prev !== before.hash)
        this.#fault({ ...at, kind: 'broken', detail: 'it does not follow the record before it' })
      before = segment
    }
    const last = before?.last ?? -1
    const headed = (this.#heads.get(chain) ?? [])
      .filter(({ iss }) => iss === before?.resource)
      .reduce((most, { seq }) => Math.max(most, seq), -1)
    return Math.max(0, last - Math.max(headed, (sorted[0]?.first ?? 0) - 1))
  }

  #beforeChain(prev: string | undefined): string | undefined {
    return prev === undefined || this.#wanted.get(prev) === true
      ? undefined
      : 'the records of another process are gone that were there when this one began'
  }

  #checkHead(chain: string, head: HeadStatement & { readonly file: string; readonly line: number }): void {
    const { file, line, iss, seq, hash, closed } = head
    const segments = this.#segments.get(chain) ?? []
    const last = segments.reduce((most, segment) => Math.max(most, segment.last), -1)
    const first = segments.reduce(
      (least, segment) => Math.min(least, segment.first),
      Number.POSITIVE_INFINITY,
    )
    const at = { file, line, chain, seq }
    const found = this.#hashes.get(`${chain} ${seq}`)
    const [{ resource } = { resource: iss }] = segments
    if (resource !== iss)
      this.#fault({
        ...at,
        kind: 'forged',
        detail: `the head is of ${iss}, and the records are of ${resource}`,
      })
    else if (found === hash) {
      if (closed && last > seq)
        this.#fault({ ...at, kind: 'forged', detail: `the chain was closed with it, and goes on to ${last}` })
    } else if (found !== '')
      this.#fault({ ...at, kind: 'forged', detail: 'the record is not the one that the head was signed for' })
    else if (seq > last && (first < seq || !this.#earlierGone))
      this.#fault({
        ...at,
        kind: 'missing',
        detail: `the records up to the signed head are gone, from ${last + 1} on`,
      })
    else if (!this.#earlierGone || seq > first)
      this.#fault({ ...at, kind: 'missing', detail: 'the record that the head was signed for is gone' })
  }
}

const ofAnother = 'it is of another resource than the record before it'
