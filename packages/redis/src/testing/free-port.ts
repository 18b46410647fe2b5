import { randomInt } from 'node:crypto'
import getPort, { portNumbers } from 'get-port'

/**
 * A free port of 127.0.0.1, below the range that the system assigns: no server of another test is given it before
 * this one has it, nor while this one is down to start again. A cluster's second port, 10,000 above it, is in neither
 * range.
 */
export const freePort = (): Promise<number> =>
  getPort({ host: '127.0.0.1', port: portNumbers(randomInt(10_000, 19_000), 19_999) })
