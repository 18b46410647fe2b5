import type { HttpResults } from './http/run.js'
import type { Growth } from './in-process/growth.js'
import type { Figures } from './in-process/rounds.js'
import type { MemoryFigures } from './memory/run.js'

/** Everything one run found. Ratios are to one Ed25519 verification of the same base, the floor. */
export interface Results {
  readonly machine: string
  readonly floor_us: number
  readonly ratios: Readonly<Record<string, number>>
  /** Microseconds a call; and what is left of a warm one without its cryptography. */
  readonly us: Readonly<Record<string, number>>
  readonly growth?: Growth
  readonly memory?: {
    readonly agents: number
    readonly bytes_per_agent: number
    readonly heap_per_agent: number
    readonly bytes_per_agent_es256?: number
  }
  /** Requests a second. */
  readonly http?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly http_detail?: HttpResults
}

/** In-process figures as ratios; what is not measured against this floor itself is against its own. */
export function toRatios(figures: ReadonlyMap<string, Figures>): Pick<Results, 'floor_us' | 'ratios' | 'us'> {
  const ratios: Record<string, number> = {}
  const us: Record<string, number> = {}
  for (const [name, { wall, ratio }] of figures) {
    us[name] = round(wall, 2)
    if (name !== 'floor') ratios[name] = round(ratio, 3)
  }
  return { floor_us: us['floor'] as number, ratios, us }
}

export function toMemory(
  agents: number,
  ed25519: MemoryFigures,
  es256: MemoryFigures | undefined,
): NonNullable<Results['memory']> {
  return {
    agents,
    bytes_per_agent: Math.round(ed25519.rss),
    heap_per_agent: Math.round(ed25519.heap),
    ...(es256 === undefined ? {} : { bytes_per_agent_es256: Math.round(es256.rss) }),
  }
}

export function toHttp(results: HttpResults): NonNullable<Results['http']> {
  const http: Record<string, Record<string, number>> = {}
  for (const [framework, contenders] of Object.entries(results)) {
    http[framework] = Object.fromEntries(
      Object.entries(contenders).map(([name, { rps }]) => [name, Math.round(rps)]),
    )
  }
  return http
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
