import { parseArgs } from 'node:util'

/** Options of `compat` that can be turned on. */
const compatNames = ['personTokenJti', 'interactionCode', 'revocationWithoutExp'] as const
type CompatName = (typeof compatNames)[number]

/** How the target is started. */
export interface TargetOptions {
  readonly adapter: string
  readonly port: number
  readonly accessServer: string | undefined
  /** Identifier of the resource that `/order` buys from. */
  readonly supplier: string
  /** The file that evidence of every decision is appended to. */
  readonly audit: string | undefined
  /** URL of the Redis that all instances share. */
  readonly redis: string | undefined
  /** Whether every route refuses a second use of a signature, on methods that change something. */
  readonly replay: boolean
  /** What is turned on in the option `compat`. */
  readonly compat: Readonly<Partial<Record<CompatName, true>>>
  /** Hosts whose documents are fetched over plain HTTP from a port of 127.0.0.1. */
  readonly loopback: Readonly<Record<string, number>>
}

/**
 * Reads the command line and the environment.
 *
 * @throws TypeError when something is missing or malformed
 */
export function readTargetOptions(args: readonly string[], env: NodeJS.ProcessEnv): TargetOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: 'string', default: 'express' },
      port: { type: 'string', default: '4100' },
      'access-server': { type: 'string' },
      redis: { type: 'string' },
      supplier: { type: 'string', default: 'https://supplier.example' },
      replay: { type: 'boolean', default: false },
      compat: { type: 'string', multiple: true, default: [] },
      audit: { type: 'string' },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new TypeError('--port must be a port number')
  return {
    adapter: values.adapter,
    port,
    accessServer: values['access-server'],
    redis: values.redis,
    supplier: values.supplier,
    audit: values.audit,
    replay: values.replay,
    compat: Object.fromEntries(values.compat.map((name) => [checkCompat(name), true])),
    loopback: readLoopback(env['COUNTERSIGN_LOOPBACK']),
  }
}

function checkCompat(name: string): CompatName {
  const known = compatNames.find((one) => one === name)
  if (known === undefined) throw new TypeError(`--compat must be one of ${compatNames.join(', ')}`)
  return known
}

function readLoopback(text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined || text === '') return {}
  const value: unknown = JSON.parse(text)
  const valid =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((port) => Number.isInteger(port) && port > 0 && port < 65_536)
  if (!valid) throw new TypeError('COUNTERSIGN_LOOPBACK must be a JSON object of host to port')
  return value as Record<string, number>
}
