import { createCases } from './in-process/cases.js'
import { runRounds } from './in-process/rounds.js'

const quick = process.argv.includes('--quick')
const figures = await runRounds(
  await createCases(),
  'floor',
  quick ? { rounds: 5, slice: 30 } : { rounds: 9, slice: 60 },
)
for (const [name, { wall, cpu, ratio }] of figures) {
  console.log(
    name.padEnd(20),
    wall.toFixed(2).padStart(9),
    cpu.toFixed(2).padStart(9),
    ratio.toFixed(3).padStart(8),
  )
}
