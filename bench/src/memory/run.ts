import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Alg } from '../world.js'

/** What one remembered token takes, in bytes. */
export interface MemoryFigures {
  /** Resident memory: V8's heap and what lies outside of it, keys for the most part. */
  readonly rss: number
  readonly heap: number
}

/** Measured in a process of its own, over this many distinct agents. */
export async function runMemory(agents: number, alg: Alg): Promise<MemoryFigures> {
  const child = fileURLToPath(new URL('child.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, String(agents), alg])
  return JSON.parse(stdout) as MemoryFigures
}
