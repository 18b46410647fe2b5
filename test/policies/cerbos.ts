import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { GRPC } from '@cerbos/grpc'
import { afterAll, beforeAll } from 'vitest'
import { freePort } from '../free-port.js'

/** A Cerbos of the test's own, which speaks AuthZEN as well. */
export interface TestCerbos {
  readonly client: GRPC
  /** Where it speaks AuthZEN. */
  readonly evaluation: string
}

/** The real one, for this platform; `undefined` where there is none. */
export const cerbosBinary: string | undefined = (() => {
  const name = `cerbos-${process.platform}-${process.arch}`
  try {
    const from = createRequire(createRequire(import.meta.url).resolve('cerbos/package.json'))
    return join(dirname(from.resolve(`@cerbos/${name}/package.json`)), name)
  } catch {
    return undefined
  }
})()

/** One for all tests of a file, where there is one for this platform. @returns it, from within a test */
export function useCerbos(policies: Readonly<Record<string, object>>): () => TestCerbos {
  let running: Awaited<ReturnType<typeof startCerbos>> | undefined
  beforeAll(async () => {
    if (cerbosBinary !== undefined) running = await startCerbos(policies)
  })
  afterAll(async () => {
    running?.client.close()
    await running?.stop()
  })
  return () => running as TestCerbos
}

/** Starts it with these policies, on free ports of 127.0.0.1. It can be told to take any, and does not tell which. */
async function startCerbos(
  policies: Readonly<Record<string, object>>,
): Promise<TestCerbos & { stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cerbos-'))
  for (const [name, policy] of Object.entries(policies))
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(policy))
  const http = `127.0.0.1:${await freePort()}`
  const grpc = `127.0.0.1:${await freePort()}`
  const settings = [
    `server.httpListenAddr=${http}`,
    `server.grpcListenAddr=${grpc}`,
    'storage.driver=disk',
    `storage.disk.directory=${folder}`,
    'telemetry.disabled=true',
  ]
  const child = spawn(cerbosBinary as string, ['server', ...settings.map((setting) => `--set=${setting}`)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await new Promise<void>((resolve, reject) => {
      let said = ''
      const read = (chunk: Buffer): void => {
        said += chunk.toString()
        if (/HTTP server at/.test(said) && /gRPC server at/.test(said)) resolve()
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`cerbos ended with ${code}: ${said}`)))
    })
    const client = new GRPC(grpc, { tls: false })
    return { client, evaluation: `http://${http}/access/v1/evaluation`, stop }
  } catch (failure) {
    await stop()
    throw failure
  }
}
