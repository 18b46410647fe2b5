import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Alg } from '../world.js'

/** The memory of one remembered token, in bytes. */
export interface Memory {
  readonly agents: number
  /** Resident memory: V8's heap and memory outside of it, mostly keys. */
  readonly bytes_per_agent: number
  readonly heap_per_agent: number
  /** The same for agents with ES256. */
  readonly bytes_per_agent_es256: number
}

/** Each algorithm in a separate process, for this many distinct agents. */
export async function runMemory(agents: number): Promise<Memory> {
  const [ed25519, es256] = await Promise.all([measure(agents, 'Ed25519'), measure(agents, 'ES256')])
  return {
    agents,
    bytes_per_agent: Math.round(ed25519.rss),
    heap_per_agent: Math.round(ed25519.heap),
    bytes_per_agent_es256: Math.round(es256.rss),
  }
}

async function measure(agents: number, alg: Alg): Promise<{ readonly rss: number; readonly heap: number }> {
  const child = fileURLToPath(new URL('child.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, String(agents), alg])
  return JSON.parse(stdout) as { rss: number; heap: number }
}
