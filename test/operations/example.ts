import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ResourceOptions, ResourceServer } from '@countersign/core'
import type { FastifyInstance } from 'fastify'
import { replaced } from './page.js'

/** An example of the documentation that listens. */
export interface RunningExample {
  readonly port: number
  readonly aauth: ResourceServer
  close(): unknown
}

const folder = fileURLToPath(new URL('../dist/run-examples/', import.meta.url))
const given = globalThis as { countersignOptions?: ResourceOptions }
let count = 0

/** Imports an example of the documentation, as it stands. Vitest leaves out its types. */
export async function importExample<Exports>(code: string): Promise<Exports> {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}${process.pid}-${++count}.ts`
  writeFileSync(file, code)
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Exports
}

/**
 * Runs an example of an application. Only its options and its port are replaced.
 *
 * @param more other replacements
 */
export async function runExample(
  code: string,
  options: ResourceOptions,
  ...more: readonly (readonly [old: string, by: string])[]
): Promise<RunningExample> {
  const isFastify = code.includes("from 'fastify'")
  const hasServer = code.includes('const server =')
  const text = replaced(code, [
    ["{ resource: 'https://notes.example' }", 'globalThis.countersignOptions'],
    ...(hasServer ? ([['.listen(3000)', ".listen(0, '127.0.0.1')"]] as const) : []),
    ...more,
  ])
  const names = ['app', ...(isFastify ? [] : ['guard']), ...(hasServer ? ['server'] : [])]
  given.countersignOptions = options
  const made = await importExample<{
    readonly app: FastifyInstance & { listen(port: number, host: string): Server }
    readonly guard: { readonly server: ResourceServer }
    readonly server?: Server
  }>(`${text}\nexport { ${names.join(', ')} }\n`)
  if (isFastify) {
    await made.app.listen({ port: 0, host: '127.0.0.1' })
    return {
      port: (made.app.server.address() as AddressInfo).port,
      aauth: made.app.aauth as never,
      close: () => made.app.close(),
    }
  }
  const server = made.server ?? made.app.listen(0, '127.0.0.1')
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    aauth: made.guard.server,
    close: () => {
      made.guard.server.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
