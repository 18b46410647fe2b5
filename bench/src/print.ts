import type { Busy } from './http/busy.js'
import type { HttpFigures } from './http/run.js'
import type { SeriesName } from './http/series.js'
import { workKinds } from './http/work.js'
import type { Results } from './results.js'
import { judge } from './targets.js'

const explained: Readonly<Record<string, string>> = {
  floor: 'one Ed25519 verification, key at hand: the floor, here against itself',
  floor_twice: 'two of them',
  floor_es256: 'one ES256 verification',
  floor_sodium: 'one Ed25519 verification by libsodium',
  warm: 'a request whose token has been seen before',
  warm_stubbed: 'the same without its verification: everything that is ours',
  warm_events: 'warm, with onEvent, which is told of two events; own: warm',
  warm_otel: 'warm, with metrics, and spans that are not sampled; own: warm',
  warm_audit: 'warm, with evidence of each request in a file, synchronised in groups; own: warm',
  warm_es256: 'warm, the agent signs with ES256; own: floor_es256',
  warm_sodium: 'warm, libsodium verifies; own: floor_sodium',
  cold: 'a request whose token is new: two verifications; own: floor_twice',
  unsigned: 'refused: no signature',
  malformed: 'refused: no signature in Signature',
  stale: 'refused: created two hours ago',
  unknown_kid: 'refused: the issuer has no such key',
  unknown_issuer: 'refused: the issuer could not be found a moment ago',
  forged: 'refused: the token is not its issuer’s',
  forged_again: 'refused: the same forgery once more',
  stolen: 'refused: a good token, signed with another key',
  oversized: 'refused: 64 KiB of Signature-Key',
  stack: '@hellocoop/httpsig and jose; own: warm',
}

const titles: Readonly<Record<SeriesName, string>> = {
  fastify: 'Fastify, server on one core, 32 connections',
  express: 'Express, server on one core, 32 connections',
  store_fastify: 'a shared Redis, Fastify on one core, 32 connections',
  store_express: 'a shared Redis, Express on one core, 32 connections',
  observed: 'ours in Fastify on one core, sync, while somebody looks at what is decided',
  refusals: 'refusals of ours, and a bare Fastify that answers the same requests',
  cores: 'ours on all cores, shared with the client, 32 connections',
  alone: 'the same, 1 connection',
  open: 'the same, open loop at 80 % of what sync can do, one in twenty for /health',
  mixed:
    'the same at 50 %, with and without strangers who send two of five: new tokens, forged ones, no signature',
}

const say = (line = ''): void => void process.stdout.write(`${line}\n`)

/** Aligns text left and numbers right. */
function table(rows: readonly (readonly (string | number)[])[], left: readonly number[]): void {
  const texts = rows.map((row) => row.map(String))
  const widths = texts[0]?.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0))) ?? []
  for (const row of texts) {
    const cells = row.map((text, column) =>
      left.includes(column) ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
    )
    say(cells.join('  ').trimEnd())
  }
}

/** Prints the results for people. */
export function print(results: Results): void {
  say(results.machine)
  printInProcess(results)
  printGrowth(results)
  printHttp(results)
  printTargets(results)
}

function printInProcess({ us, ratios, of_own_floor, spread, foreign }: Results): void {
  say()
  const head = ['in process', 'us', 'x floor', 'x own', 'middle half of rounds', '']
  const rows = Object.entries(us).map(([name, microseconds]) => [
    name,
    microseconds.toFixed(2),
    ratios[name]?.toFixed(3) ?? '',
    of_own_floor[name]?.toFixed(3) ?? '',
    spread[name]?.map((ratio) => ratio.toFixed(3)).join(' – ') ?? '',
    explained[name] ?? '',
  ])
  table([head, ...rows], [0, 5])
  printForeign('meanwhile', foreign)
}

function printGrowth({ growth, memory }: Results): void {
  for (const [what, sizes] of Object.entries<Readonly<Record<string, number>>>({ ...growth })) {
    say()
    say(`growth: ${what}, x own floor`)
    say(
      Object.entries(sizes)
        .map(([size, ratio]) => `  ${size}: ${ratio.toFixed(3)}`)
        .join(''),
    )
  }
  if (memory === undefined) return
  const { agents, bytes_per_agent, heap_per_agent, bytes_per_agent_es256 } = memory
  say()
  say(
    `memory of a remembered token, over ${agents} agents: ${bytes_per_agent} B, ${heap_per_agent} B of them heap`,
  )
  say(`the same for agents with ES256: ${bytes_per_agent_es256} B`)
}

/** Prints the results over HTTP for people. */
export function printHttp({ http_detail }: Pick<Results, 'http_detail'>): void {
  if (http_detail === undefined) return
  for (const [name, figures] of Object.entries(http_detail.series)) {
    say()
    say(titles[name as SeriesName])
    const figure = name === 'alone' ? 'p50' : name === 'open' || name === 'mixed' ? 'p99' : 'rps'
    const head = [
      '',
      'req/s',
      'p50 ms',
      'p99 ms',
      'CPU us',
      `${figure === 'rps' ? 'req/s' : figure} of others`,
    ]
    table([head, ...Object.entries(figures).map(([who, own]) => httpRow(who, own, figure))], [0, 5])
  }
  for (const [framework, { limit, limit_unseen, ours, ours_sync }] of Object.entries(
    http_detail.young ?? {},
  )) {
    say()
    say(`${framework}, the first seconds of a process: limit ${limit.toFixed(0)} req/s`)
    say(`  limit_unseen ${limit_unseen.toFixed(0)}, ${(limit_unseen / limit).toFixed(2)} of limit`)
    say(`  ours ${ours.toFixed(0)}, ${(ours / limit).toFixed(2)} of limit`)
    say(`  ours_sync ${ours_sync.toFixed(0)}, ${(ours_sync / limit).toFixed(2)} of limit`)
  }
  printBusy(http_detail.busy)
  if (Object.keys(http_detail.series).length === 0) return
  printForeign('at most, while a sample was taken', http_detail.foreign)
}

function printBusy(busy: Busy | undefined): void {
  if (busy === undefined) return
  say()
  say('beside an application that uses the thread pool itself, on all cores: its own p50 / p99 ms')
  const rows = Object.entries(busy).map(([who, { rps, p50, p99, work }]) => [
    who,
    rps.toFixed(0),
    p50.toFixed(2),
    p99.toFixed(2),
    ...workKinds.map((kind) => `${work[kind].p50.toFixed(2)} / ${work[kind].p99.toFixed(2)}`),
  ])
  table([['', 'req/s', 'p50 ms', 'p99 ms', ...workKinds], ...rows], [0])
}

function printForeign(when: string, share: number | undefined): void {
  say()
  say(
    share === undefined
      ? 'what others used of the machine cannot be seen here: there is no /proc/stat'
      : `others used ${(share * 100).toFixed(1)} % of all cores ${when}`,
  )
}

function httpRow(name: string, own: HttpFigures, figure: 'rps' | 'p50' | 'p99'): (string | number)[] {
  const { rps, p50, p99, cpu, bystander_p99, of } = own
  const others = Object.entries(of).map(([other, ratios]) => {
    const cpu = figure === 'rps' ? `, CPU ${ratios.cpu.toFixed(2)}` : ''
    return `${ratios[figure].toFixed(2)} of ${other}${cpu}`
  })
  const bystanders = bystander_p99 === undefined ? [] : [`/health p99 ${bystander_p99.toFixed(2)} ms`]
  return [
    name,
    rps.toFixed(0),
    p50.toFixed(2),
    p99.toFixed(2),
    cpu.toFixed(0),
    [...others, ...bystanders].join('; '),
  ]
}

function printTargets(results: Results): void {
  const rows = judge(results)
  say()
  table(
    [
      ['target', '', 'first class', 'moonshot', 'measured', 'verdict'],
      ...rows.map(({ id, what, aim, moonshot, measured, verdict }) => [
        id,
        what,
        aim,
        moonshot,
        measured,
        verdict,
      ]),
    ],
    [0, 1, 5],
  )
}
