import { once } from 'node:events'
import { type Crowd, type Extent, live } from './fairness.js'

// One row of the simulation, as a process that fairness-rows.ts starts with --expose-gc.

const [{ crowd, extent }] = (await once(process, 'message')) as [{ crowd: Crowd; extent: Extent }]
const found = await live(crowd, extent)
process.send?.(found, () => process.exit(0))
