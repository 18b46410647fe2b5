import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { whole } from '../configuration/whole.js'
import type { AuditSink } from './sink.js'

/** The options of an audit log. */
export interface AuditLogOptions {
  /** Whether persons, accounts and users are also named in clear text. Default `false`: only by hash. */
  readonly subjects?: boolean
  /**
   * The key for the hashes of persons, 32 characters or more, the same on all instances. Default: `secret`. Without
   * that, it is derived from the first of `signingKeys`, and a warning says that records outlive those. If the
   * signing key is kept elsewhere, one of the two is required.
   */
  readonly subjectKey?: string
  /**
   * Former keys of those hashes, so that `erase` finds earlier records: an earlier `subjectKey` or `secret`, or the
   * member `d` of a former signing key. At most 100, of 32 characters or more. The keys in `signingKeys` need not be
   * listed.
   */
  readonly formerSubjectKeys?: readonly string[]
  /**
   * The path of the current file: JSON Lines, mode 0600. It is renamed when it is rotated. Signed statements about it
   * are in the file with that name and `.heads`. Set either this or `sink`.
   */
  readonly file?: string
  /** Where to write instead of a file. */
  readonly sink?: AuditSink
  /**
   * 32 characters or more. With it, persons' tokens and covered secrets are encrypted in the log, so that everyone
   * who has the secret can verify each signature again. Without it, only their hashes are stored, and verifying
   * requires the tokens. Agent tokens name no person and are always stored.
   */
  readonly secret?: string
  /**
   * `group` (default): records that came together are written and synchronised to the disk together, before the next
   * ones. `none`: the operating system decides, so that a power cut may lose the last half minute.
   */
  readonly fsync?: 'group' | 'none'
  /** Milliseconds for which records are collected before they are written. Default 100; 1 to 10 000. */
  readonly gather?: number
  /**
   * What happens to requests when the log cannot be written, or not fast enough. `drop` (default): they are served,
   * and the next record says how many are missing before it. `refuse`: they are answered `503`.
   */
  readonly whenFull?: 'drop' | 'refuse'
  /** Bytes of records that may wait to be written. Default 16 MiB; at least 64 KiB. */
  readonly buffer?: number
  /** When a new file is begun. */
  readonly rotate?: {
    /** Bytes of a file. Default 256 MiB; at least 64 KiB. */
    readonly bytes?: number
    /** Seconds. Default 86 400. */
    readonly seconds?: number
  }
  /** How long rotated files are kept. */
  readonly keep?: {
    /** Days. Default 90. */
    readonly days?: number
    /** How many. Default 1000. */
    readonly files?: number
  }
  /** Seconds after which a head of the chain is signed, if there are new records. Default 300. */
  readonly headEvery?: number
}

/** The options with their defaults. */
export interface AuditSettings
  extends Required<Pick<AuditLogOptions, 'fsync' | 'gather' | 'whenFull' | 'buffer' | 'headEvery'>> {
  readonly file?: string | undefined
  readonly sink?: AuditSink | undefined
  readonly secret?: string | undefined
  readonly subjects?: boolean | undefined
  readonly subjectKey?: string | undefined
  readonly formerSubjectKeys?: readonly string[] | undefined
  readonly rotate: Required<NonNullable<AuditLogOptions['rotate']>>
  readonly keep: Required<NonNullable<AuditLogOptions['keep']>>
}

const schema: z.ZodType<AuditSettings> = z
  .strictObject({
    subjects: z.boolean('must be a boolean').optional(),
    subjectKey: z.string().min(32, 'must be text of 32 characters or more').optional(),
    formerSubjectKeys: z
      .array(z.string().min(32, 'must be text of 32 characters or more'))
      .max(100, 'must have at most 100')
      .optional(),
    file: z.string().min(1, 'must be a path').optional(),
    sink: z.custom<AuditSink>(isSink, 'must have append and state').optional(),
    secret: z.string().min(32, 'must be 32 characters or more').optional(),
    fsync: z.enum(['group', 'none']).default('group'),
    gather: whole('milliseconds', 1, 10_000).default(100),
    whenFull: z.enum(['drop', 'refuse']).default('drop'),
    buffer: z.int().min(65_536).default(16_777_216),
    rotate: z
      .strictObject({
        bytes: z.int().min(65_536).default(268_435_456),
        seconds: whole('seconds', 1).default(86_400),
      })
      .prefault({}),
    keep: z
      .strictObject({ days: whole('days', 1).default(90), files: z.int().nonnegative().default(1000) })
      .prefault({}),
    headEvery: whole('seconds', 1).default(300),
  })
  .refine(
    ({ file, sink }) => (file === undefined) !== (sink === undefined),
    'needs file or sink, and not both',
  )

function isSink(value: unknown): boolean {
  const sink = value as Partial<Record<string, unknown>> | null
  return (
    typeof sink === 'object' &&
    sink !== null &&
    typeof sink['append'] === 'function' &&
    typeof sink['state'] === 'function'
  )
}

/** Checks the options. @throws TypeError naming the invalid option */
export function readAuditOptions(options: AuditLogOptions): AuditSettings {
  return checkConfiguration(schema, options, { prefix: 'createAuditLog: ', opaque: new Set(['sink']) })
}
