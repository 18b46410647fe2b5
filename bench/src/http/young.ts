import { median } from '../statistics.js'
import { castFile, load, pinned } from './load.js'
import { Pool } from './pool.js'
import type { Framework } from './series.js'

// A new process: nothing is compiled, and no token has been seen. Our code is larger than the limit's, so it is slow
// for longer.

/** Durations and rounds. */
export interface YoungOptions {
  /** Seconds from the first request on. */
  readonly seconds: number
  readonly rounds: number
}

/** Requests a second in the first seconds of a process, by framework. */
export type Young = Readonly<Record<Framework, Readonly<Record<(typeof contenders)[number], number>>>>

/**
 * Besides the limit there is one that verifies as often as the protocol requires: also each agent's token, when it
 * first comes.
 */
const contenders = ['limit', 'limit_unseen', 'ours', 'ours_sync'] as const

interface Place {
  readonly folder: string
  readonly jwksUri: string
}

/** Each sample is of a new process. Contenders take turns. */
export async function runYoung({ seconds, rounds }: YoungOptions, place: Place): Promise<Young> {
  const run = async (framework: Framework) => {
    const samples: Record<(typeof contenders)[number], number[]> = {
      limit: [],
      limit_unseen: [],
      ours: [],
      ours_sync: [],
    }
    for (let round = 0; round < rounds; round++) {
      for (let k = 0; k < contenders.length; k++) {
        const name = contenders[(k + round) % contenders.length] as (typeof contenders)[number]
        samples[name].push(await sample(framework, name, seconds, place))
      }
    }
    return {
      limit: median(samples.limit),
      limit_unseen: median(samples.limit_unseen),
      ours: median(samples.ours),
      ours_sync: median(samples.ours_sync),
    }
  }
  return { fastify: await run('fastify'), express: await run('express') }
}

async function sample(
  framework: Framework,
  name: (typeof contenders)[number],
  seconds: number,
  { folder, jwksUri }: Place,
): Promise<number> {
  const pool = new Pool(castFile(folder), jwksUri)
  try {
    const { port } = await pool.get(framework, name)
    const order = { port, requests: 'signed', seconds, connections: 32 } as const
    const loaded = await load(order, folder, pinned ? 0 : undefined)
    if (loaded.failed > 0) throw new Error(`young ${name}: ${loaded.failed} were refused`)
    return loaded.requests / loaded.seconds
  } finally {
    pool.stop()
  }
}
