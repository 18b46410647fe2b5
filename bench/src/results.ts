import type { HttpFigures, HttpResults } from './http/run.js'
import type { Growth } from './in-process/growth.js'
import type { Figures } from './in-process/pairs.js'
import type { Memory } from './memory/run.js'
import { round } from './statistics.js'

/** All results of one run. Ratios are to one Ed25519 verification of the same base, the floor. */
export interface Results extends InProcess {
  readonly machine: string
  /** The share of all cores that others used while cases were measured in process, if it can be measured. */
  readonly foreign?: number | undefined
  readonly growth?: Growth
  readonly memory?: Memory
  /** Requests a second, on one core. */
  readonly http?: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly http_detail?: HttpResults
}

type Numbers = Readonly<Record<string, number>>

interface InProcess {
  readonly floor_us: number
  readonly ratios: Numbers
  /** Ratios to another floor, for cases that have one. */
  readonly of_own_floor: Numbers
  /** The same by the CPU of all threads. */
  readonly of_own_floor_cpu: Numbers
  /** The range of the middle half of the rounds for the measured ratio: to its own floor, if it has one. */
  readonly spread: Readonly<Record<string, readonly [low: number, high: number]>>
  /** Microseconds a call. */
  readonly us: Numbers
}

export function toInProcess(figures: ReadonlyMap<string, Figures>): InProcess {
  const ratios: Record<string, number> = {}
  const own: Record<string, number> = {}
  const ownCpu: Record<string, number> = {}
  const spread: Record<string, readonly [number, number]> = {}
  const us: Record<string, number> = {}
  // Through the floor's own floor, if that is not the last one yet.
  const toFloor = (name: string): number => {
    const { floor, ratio } = figures.get(name) as Figures
    return name === 'floor' ? 1 : ratio * toFloor(floor)
  }
  for (const [
    name,
    {
      floor,
      ratio,
      cpuRatio,
      spread: [low, high],
      us: microseconds,
    },
  ] of figures) {
    us[name] = round(microseconds, 2)
    ratios[name] = round(toFloor(name), 4)
    spread[name] = [round(low, 4), round(high, 4)]
    if (floor === 'floor') continue
    own[name] = round(ratio, 4)
    ownCpu[name] = round(cpuRatio, 4)
  }
  return { floor_us: us['floor'] as number, ratios, of_own_floor: own, of_own_floor_cpu: ownCpu, spread, us }
}

export function toHttp({ series }: HttpResults): NonNullable<Results['http']> {
  const rates = (figures: Readonly<Record<string, HttpFigures>> = {}): Numbers =>
    Object.fromEntries(Object.entries(figures).map(([name, { rps }]) => [name, Math.round(rps)]))
  return { fastify: rates(series.fastify), express: rates(series.express) }
}
