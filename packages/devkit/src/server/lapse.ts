import { Fault } from '../checks/fault.js'
import type { VerifiedToken } from '../checks/tokens.js'
import type { TownServer } from './town-server.js'

/** A token on which a request is based, under the name that `detail` uses. */
export type Ground = readonly [name: string, token: VerifiedToken]

/** Whether a token has become invalid since the request (AAuth 11.9.4): `revoked` or `expired`, naming the token. */
export function lapseOf(server: TownServer, grounds: readonly Ground[]): Fault | undefined {
  for (const [name, { claims }] of grounds) {
    if (server.isRevoked(claims['iss'], claims['jti'])) return new Fault('revoked', name, 403)
    if ((claims['exp'] as number) <= server.env.now()) return new Fault('expired', `${name} has expired`, 408)
  }
  return undefined
}

/** The earliest expiry of these tokens, in seconds. */
export function earliestEnd(grounds: readonly Ground[]): number {
  return Math.min(...grounds.map(([, { claims }]) => claims['exp'] as number))
}

/** Milliseconds between two checks: the town's clock is a function, and does not notify when it advances. */
const interval = 20

/** Waits for `work`, but no longer than until `lapse` returns something. */
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
