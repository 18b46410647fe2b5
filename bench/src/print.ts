import type { HttpFigures } from './http/run.js'
import type { Results } from './results.js'

const explained: Readonly<Record<string, string>> = {
  floor: 'one Ed25519 verification, key at hand: the floor',
  floor_twice: 'two of them',
  floor_es256: 'one ES256 verification',
  floor_sodium: 'one Ed25519 verification by libsodium',
  warm: 'a request whose token has been seen before',
  warm_stubbed: 'the same without its verification: everything that is ours',
  warm_es256: 'warm, the agent signs with ES256',
  warm_sodium: 'warm, libsodium verifies',
  cold: 'a request whose token is new: two verifications',
  unsigned: 'refused: no signature',
  malformed: 'refused: no signature in Signature',
  stale: 'refused: created two hours ago',
  unknown_kid: 'refused: the issuer has no such key',
  unknown_issuer: 'refused: the issuer could not be found a moment ago',
  forged: 'refused: the token is not its issuer’s',
  forged_again: 'refused: the same forgery once more',
  stolen: 'refused: a good token, signed with another key',
  oversized: 'refused: 64 KiB of Signature-Key',
  stack: '@hellocoop/httpsig and jose',
}

/** The results for people. */
export function print(results: Results): void {
  const say = (line = ''): void => void process.stdout.write(`${line}\n`)
  say(results.machine)
  say()
  say(`${'in process'.padEnd(16)}${'us'.padStart(9)}${'x floor'.padStart(9)}`)
  for (const [name, us] of Object.entries(results.us)) {
    const ratio = name === 'floor' ? 1 : (results.ratios[name] as number)
    say(
      `${name.padEnd(16)}${us.toFixed(2).padStart(9)}${ratio.toFixed(3).padStart(9)}  ${explained[name] ?? ''}`,
    )
  }
  for (const [what, sizes] of Object.entries(results.growth ?? {})) {
    say()
    say(`growth: ${what}, x own floor`)
    say(
      Object.entries(sizes as Record<string, number>)
        .map(([size, ratio]) => `  ${size}: ${ratio.toFixed(3)}`)
        .join(''),
    )
  }
  if (results.memory !== undefined) {
    const { agents, bytes_per_agent, heap_per_agent, bytes_per_agent_es256 } = results.memory
    say()
    say(
      `memory of a remembered token, over ${agents} agents: ${bytes_per_agent} B, ${heap_per_agent} B of them heap`,
    )
    if (bytes_per_agent_es256 !== undefined) say(`the same for agents with ES256: ${bytes_per_agent_es256} B`)
  }
  for (const [framework, contenders] of Object.entries(results.http_detail ?? {})) {
    const all = contenders as Record<string, HttpFigures>
    say()
    say(
      `${framework.padEnd(12)}${['req/s', 'p50 ms', 'p99 ms', 'CPU us', 'of limit', 'of stack'].map((head) => head.padStart(10)).join('')}`,
    )
    for (const [name, { rps, p50, p99, cpu }] of Object.entries(all)) {
      const of = (other: string): string => (rps / (all[other] as HttpFigures).rps).toFixed(2)
      const cells = [rps.toFixed(0), p50.toFixed(2), p99.toFixed(2), cpu.toFixed(0), of('limit'), of('stack')]
      say(`${name.padEnd(12)}${cells.map((cell) => cell.padStart(10)).join('')}`)
    }
  }
}
