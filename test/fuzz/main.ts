import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { campaign } from './campaign.js'
import { targets } from './targets.js'

// `npm run fuzz -- [--runs 1000000] [--target request] [--seed 1] [--save] [--blind]`: so many inputs for each target.
// Ends with 1 where one is wrong, and prints it; `--input BASE64` with --target runs that one again.

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    save: { type: 'boolean', default: false },
    blind: { type: 'boolean', default: false },
    input: { type: 'string' },
  },
})
const chosen = [...targets.values()].filter(
  ({ name }) => values.target === undefined || values.target === name,
)
if (chosen.length === 0) throw new TypeError(`--target must be one of ${[...targets.keys()].join(', ')}`)
if (values.input !== undefined) {
  await chosen[0]?.run(Buffer.from(values.input, 'base64'))
  console.log('nothing is wrong')
  process.exit(0)
}
let isRight = true
for (const target of chosen) {
  const began = performance.now()
  const { runs, blocks, corpus, found } = await campaign(target, {
    runs: Number(values.runs),
    seed: Number(values.seed),
    corpus: fileURLToPath(new URL(`../../fuzz/corpus/${target.name}.json`, import.meta.url)),
    isGuided: !values.blind,
    save: values.save,
  })
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(
    `${target.name}: ${runs} inputs in ${seconds} s, ${blocks} blocks, corpus of ${corpus}, seed ${values.seed}`,
  )
  if (found === undefined) continue
  isRight = false
  console.log(`found: --target ${target.name} --input ${found.input}\n${found.error}`)
}
process.exit(isRight ? 0 : 1)
