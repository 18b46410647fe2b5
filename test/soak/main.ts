import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { verifyAuditLog } from '@countersign/core/audit'
import { createKey, createTown } from '@countersign/devkit'
import { slowHosts } from './calls.js'
import { judgeGrowth, type Timed } from './growth.js'
import { quickened, type Sample, type SoakedOptions, type SoakOrder, type SoakSaid } from './messages.js'
import { seeded } from './random.js'
import { OwnRedis } from './redis.js'
import { Traffic } from './traffic.js'

// `npm run soak -- [--minutes 60] [--adapter fastify] [--lanes 8] [--seed 1] [--speed 1] [--pause 5]
// [--metrics 9464]`: an instance with everything on, and everything that happens to one. Ends with 1 where something was lost,
// leaked or is not accounted for. Time goes `speed` times as fast for all of them, so that issuers change their keys, which is
// noticed once a minute at most, in a short one too; each lane pauses up to twice so many milliseconds between two visits.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    adapter: { type: 'string', default: 'fastify' },
    lanes: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    speed: { type: 'string', default: '1' },
    pause: { type: 'string', default: '5' },
    metrics: { type: 'string' },
  },
})
const milliseconds = Number(values.minutes) * 60_000
const lanes = Number(values.lanes)
const random = seeded(Number(values.seed))

/** Seconds by which the clock is off at most: as far as docs/production.md allows. */
const steps = [0, 5, -5, 9, 0, -9]
const refetch = 65_000
const time = { began: Date.now(), speed: Number(values.speed) }
const clock = quickened(time)
/** After the store has come back it is not asked for a while; on a machine that has other things to do, for a longer one. */
const recovery = 12_000

const folder = mkdtempSync(join(tmpdir(), 'countersign-soak-'))
mkdirSync(join(folder, 'redis'))
const redis = await OwnRedis.start(join(folder, 'redis'))
const town = await createTown({ clock })
// It takes connections, and ends them some seconds later.
const slow = createServer((socket) => {
  const timer = setTimeout(() => socket.destroy(), 3000)
  socket.on('error', () => {}).on('close', () => clearTimeout(timer))
}).listen(0, '127.0.0.1')
await once(slow, 'listening')
for (const host of slowHosts) town.route(host, (slow.address() as AddressInfo).port)
const signingKey = createKey('Ed25519', 'rs-1').privateJwk
const soaked: SoakedOptions = {
  adapter: values.adapter,
  redis: redis.url,
  file: join(folder, 'audit.jsonl'),
  signingKey,
  ...time,
  loopback: town.loopback,
  metrics: values.metrics === undefined ? undefined : Number(values.metrics),
}
const script = fileURLToPath(new URL('instance.js', import.meta.url))
const child: ChildProcess = fork(script, [JSON.stringify(soaked)], { execArgv: ['--expose-gc'] })
const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }]
town.route('rs.example', port)

let orders = 0
const waiting = new Map<
  number,
  { resolve: (told: Sample | undefined) => void; reject: (cause: Error) => void }
>()
child.on('message', (said: SoakSaid) => {
  if (!('id' in said)) return
  if (said.error === undefined) waiting.get(said.id)?.resolve(said.sample)
  else waiting.get(said.id)?.reject(new Error(said.error))
  waiting.delete(said.id)
})
child.once('exit', (code, signal) => {
  for (const { reject } of waiting.values()) reject(new Error(`the instance ended: ${code ?? signal}`))
})
const order = (given: SoakOrder): Promise<Sample | undefined> =>
  new Promise((resolve, reject) => {
    const id = ++orders
    waiting.set(id, { resolve, reject })
    child.send({ id, order: given })
  })

const began = Date.now()
let downUntil = 0
/** Of an issuer's keys; what they sign first is unknown until their key set is fetched again, once a minute at most. */
let rotatedAt = clock()
let rotations = 0
const traffic = new Traffic({
  town,
  port,
  random,
  order,
  isDown: () => Date.now() < downUntil,
  isRotating: () => rotations > 0 && clock() - rotatedAt < refetch,
})
const ends = began + milliseconds
const restarts = Math.max(1, Math.round(milliseconds / 60_000))
let restarted = 0

/** What an operator and a network do, one thing after the other. */
async function weather(): Promise<void> {
  const pause = Math.min(15_000, milliseconds / 12)
  for (let turn = 0; Date.now() < ends - recovery; turn++) {
    await wait(pause)
    await order({ do: 'step', seconds: steps[turn % steps.length] as number })
    if (turn % 2 === 1) await order({ do: 'rotate' })
    if (clock() - rotatedAt > refetch) {
      rotatedAt = clock()
      ;(rotations++ % 2 === 0 ? town.ps : town.ap).keys.rotate()
    }
    if (restarted < restarts && turn % 4 === 1) await restart()
  }
}

async function restart(): Promise<void> {
  restarted++
  downUntil = Number.POSITIVE_INFINITY
  await redis.kill()
  await wait(500 + random() * 1500)
  await redis.start()
  downUntil = Date.now() + recovery
}

const samples: Timed[] = []
async function watch(): Promise<void> {
  const pause = Math.max(2000, milliseconds / 60)
  while (Date.now() < ends) {
    await wait(Math.min(pause, Math.max(0, ends - Date.now())))
    const told = await order({ do: 'sample' })
    if (told !== undefined) samples.push({ ...told, at: Date.now() })
  }
}

async function lane(): Promise<void> {
  while (Date.now() < ends) {
    await traffic.once()
    await wait(random() * 2 * Number(values.pause))
  }
}

console.log(`seed ${values.seed}, ${values.adapter}, ${values.minutes} minutes`)
let isRight = false
try {
  await Promise.all([weather(), watch(), ...Array.from({ length: lanes }, lane)])
  // The last ones that vanished are noticed.
  await wait(1000)
  const last = (await order({ do: 'sample' })) as Sample
  const closed = (await order({ do: 'close' })) as Sample
  isRight = await judge(last, closed)
} finally {
  child.kill('SIGKILL')
  await redis.kill()
  slow.close()
  await town.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(isRight ? 0 : 1)

async function judge(last: Sample, closed: Sample): Promise<boolean> {
  const complaints = [...traffic.outcomes.wrong, ...closed.failures]
  const say = (what: string, ok: boolean): void => {
    console.log(`${ok ? 'ok  ' : 'BAD '} ${what}`)
    if (!ok) complaints.push(what)
  }
  for (const [kind, outcomes] of traffic.outcomes.sent)
    console.log(`${kind.padEnd(20)} ${[...outcomes].map((pair) => pair.join(' × ')).join(', ')}`)
  const decisions = Object.values(last.decided).reduce((sum, count) => sum + count, 0)
  console.log(
    Object.entries(last.decided)
      .map((pair) => pair.join(' '))
      .join(', '),
  )
  say(
    `requests received ${last.received} = decisions ${decisions} + without a guard ${last.unguarded}`,
    last.received === decisions + last.unguarded,
  )
  const { sentInAll, answered, vanished } = traffic.outcomes
  say(
    `requests sent ${sentInAll} = answered ${answered} + vanished ${vanished}`,
    sentInAll === answered + vanished,
  )
  say(
    `received of them ${last.counted} = sent ${sentInAll} + held calls carried out ${last.executed}`,
    last.counted === sentInAll + last.executed,
  )
  say(
    `held calls carried out ${last.executed} = answered ${traffic.carriedOut}`,
    last.executed === traffic.carriedOut,
  )
  say(`the store was restarted ${restarted} times`, restarted > 0)
  say(
    `issuers have changed their keys ${rotations} times`,
    rotations > 1 || (ends - began) * time.speed < 3 * refetch,
  )
  say(`warnings: ${closed.warnings.join('; ') || 'none'}`, closed.warnings.every(isExpected))
  judgeGrowth(samples, last, say)
  const { d: _, ...publicJwk } = signingKey as unknown as Readonly<Record<string, unknown>>
  const files = readdirSync(folder)
    .filter((name) => name.startsWith('audit'))
    .map((name) => join(folder, name))
  const recorded = new Map<string, number>()
  const { faults, records, verified, signatures } = await verifyAuditLog(files, [publicJwk], {
    secrets: ['a secret of the auditors of a soak'],
    onRecord: ({ outcome = 'none' }) => void recorded.set(outcome, (recorded.get(outcome) ?? 0) + 1),
  })
  const { dropped, waiting: unwritten } = closed.audit
  say(
    `each decision has a record: ${records}, ${dropped} dropped, ${unwritten} not written`,
    dropped === 0 && unwritten === 0 && isDeepStrictEqual(recorded, byOutcome(closed.decided)),
  )
  // Heads are signed with keys that came later, which nobody has kept.
  const broken = faults.filter(
    ({ detail }) => detail !== 'the statement is signed by a key that was not given for its resource',
  )
  say(`the log verifies: ${records} records, ${verified} signatures`, broken.length === 0)
  if (broken.length > 0) console.log(broken.slice(0, 3))
  console.log(JSON.stringify(signatures))
  for (const complaint of complaints) console.log(`! ${complaint}`)
  return complaints.length === 0
}

/** The decisions by outcome, those on held calls among the others: the records of the log do not tell the two apart. */
function byOutcome(decided: Sample['decided']): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const [name, count] of Object.entries(decided)) {
    const outcome = name.replace(/^held, /, '')
    sums.set(outcome, (sums.get(outcome) ?? 0) + count)
  }
  return sums
}

/** A store that fails is warned of, and keys that are rotated by force. */
function isExpected(warning: string): boolean {
  return /^AAuthWarning: /.test(warning) && !/leak/i.test(warning)
}
