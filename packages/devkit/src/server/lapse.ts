import { Fault } from '../checks/fault.js'
import type { VerifiedToken } from '../checks/tokens.js'
import type { TownServer } from './town-server.js'

/** A token that a request rests on, under the name that `detail` gives it. */
export type Ground = readonly [name: string, token: VerifiedToken]

/** What was true when the request came and is not any more (AAuth 11.9.4): `revoked` or `expired`, naming the token. */
export function lapseOf(server: TownServer, grounds: readonly Ground[]): Fault | undefined {
  for (const [name, { claims }] of grounds) {
    if (server.isRevoked(claims['iss'], claims['jti'])) return new Fault('revoked', name, 403)
    if ((claims['exp'] as number) <= server.env.now()) return new Fault('expired', `${name} has expired`, 408)
  }
  return undefined
}

/** The end of the first of these tokens that ends, in seconds. */
export function earliestEnd(grounds: readonly Ground[]): number {
  return Math.min(...grounds.map(([, { claims }]) => claims['exp'] as number))
}

/** Milliseconds between two checks: the clock of a town is a function, and gives no notice when it advances. */
const interval = 20

/** Waits for `work`, but no longer than until `lapse` says something. */
export async function untilLapse<T, L>(work: Promise<T>, lapse: () => L | undefined): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined
  const lapsed = new Promise<L>((resolve) => {
    timer = setInterval(() => {
      const found = lapse()
      if (found !== undefined) resolve(found)
    }, interval)
  })
  try {
    return await Promise.race([work, lapsed])
  } finally {
    clearInterval(timer)
  }
}
