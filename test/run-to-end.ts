import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a program of ours in a process of its own until it ends: its exit code, and all that it printed. */
export async function runToEnd(
  file: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, [file, ...args])
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}
