import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A Cerbos of the test's own, which speaks AuthZEN as well. */
export interface TestCerbos {
  /** Of its HTTP API. */
  readonly url: string
  /** Of its gRPC API, as its client takes it. */
  readonly grpc: string
  stop(): Promise<void>
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

/** Starts it with these policies, on free ports of 127.0.0.1. It can be told to take any, and does not tell which. */
export async function startCerbos(
  policies: Readonly<Record<string, object>>,
  freePort: () => Promise<number>,
): Promise<TestCerbos> {
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
    return { url: `http://${http}`, grpc, stop }
  } catch (failure) {
    await stop()
    throw failure
  }
}
