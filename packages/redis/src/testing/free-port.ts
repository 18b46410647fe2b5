import { randomInt } from 'node:crypto'
import getPort, { portNumbers } from 'get-port'

/**
 * A free port of 127.0.0.1, below those that systems give out by themselves: no server of another test is given it before
 * this one has it, nor while it is down to start again. A cluster's second port, 10,000 above it, is none of these.
 */
export const freePort = (): Promise<number> =>
  getPort({ host: '127.0.0.1', port: portNumbers(randomInt(10_000, 19_000), 19_999) })
