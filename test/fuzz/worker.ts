import { openSync, writeSync } from 'node:fs'
import { setPriority } from 'node:os'
import { Campaign } from './campaign.js'
import { Branches } from './coverage.js'
import type { FuzzOrder, FuzzSaid } from './messages.js'

// One process of a campaign, forked by `main.js`: `node worker.js FILE SEED guided|blind`. The input that it is about to run is
// in the file, four bytes of length before it.

const [, , file = '', seed = '1', how] = process.argv
setPriority(10)
const branches = how === 'guided' ? Branches.count() : undefined
// Loaded after that, and core with it.
const { targets } = await import('./targets.js')
const descriptor = openSync(file, 'w')
const length = Buffer.alloc(4)
function note(input: Buffer): void {
  length.writeUInt32LE(input.length)
  writeSync(descriptor, length, 0, 4, 0)
  writeSync(descriptor, input, 0, input.length, 4)
}

let unhandled: unknown
process.on('unhandledRejection', (cause) => {
  unhandled ??= cause
})
const campaigns = new Map<string, Campaign>()

async function obey({ target: name, do: what, most, seconds, corpus }: FuzzOrder): Promise<FuzzSaid> {
  const target = targets.get(name)
  if (target === undefined) throw new Error(`no target is called ${name}`)
  let campaign = campaigns.get(name)
  if (campaign === undefined) {
    campaign = new Campaign(target, { seed: Number(seed), corpus, branches, note })
    campaigns.set(name, campaign)
  } else campaign.learn(corpus)
  const before = campaign.runs
  let found = await campaign.run(what === 'run' ? most : 0, performance.now() + seconds * 1000)
  const inputs = what === 'run' ? campaign.news() : await campaign.kept()
  if (unhandled !== undefined) found ??= { input: '', error: `unhandled rejection: ${String(unhandled)}` }
  unhandled = undefined
  return { runs: campaign.runs - before, branches: campaign.branches, corpus: campaign.corpus, inputs, found }
}

process.on('message', (order: FuzzOrder) => {
  obey(order).then(
    (said) => process.send?.(said),
    (cause: unknown) => {
      console.error(cause)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit())
