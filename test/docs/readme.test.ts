import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'test', 'dist', 'readme')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const section = readme.slice(readme.indexOf('\n## Ten lines\n'), readme.indexOf('\n## What happens\n'))
const programs = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
/** Status line and fields of the answer that the README shows. */
const shown =
  /^```console\n\$ curl -i [^\n]*\nHTTP\/1\.1 401 Unauthorized\n(.*?)^```$/ms.exec(readme)?.[1] ?? ''

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

describe('the ten lines of the README', () => {
  let child: ChildProcess | undefined
  afterEach(async () => {
    if (child === undefined) return
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })

  it.each([
    ['express', 'app.listen(3000)', 'app.listen(0, function () { console.log(this.address().port) })'],
    [
      'fastify',
      'await app.listen({ port: 3000 })',
      'await app.listen({ port: 0 }); console.log(app.server.address().port)',
    ],
  ])(
    'are served by %s as they stand, and answer what the README shows',
    async (name, listen, onAnyPort) => {
      const program = programs.find((code) => code.includes(`from '@countersign/${name}'`)) ?? ''
      expect(program).toContain(listen)
      const file = join(folder, `${name}.mjs`)
      writeFileSync(file, program.replace(listen, onAnyPort))
      const { NODE_ENV: _, ...env } = process.env
      child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'ignore'] })
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
      const [line] = (await once(lines, 'line')) as [string]
      const { status, fields } = await get(Number(line))
      expect(status).toBe(401)
      const expected = shown.trimEnd().split('\n')
      expect(expected.length).toBeGreaterThan(4)
      for (const field of expected) expect(fields).toContain(field.toLowerCase())
    },
    30_000,
  )
})

/** What `curl -i` shows, in lower case: names of fields have none, and frameworks write some of them their own way. */
function get(
  port: number,
): Promise<{ readonly status: number | undefined; readonly fields: readonly string[] }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path: '/notes' }, (answer) => {
      const { statusCode: status, rawHeaders: raw } = answer
      const fields = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`.toLowerCase()] : []))
      answer.resume()
      resolve({ status, fields })
    })
    call.on('error', reject).end()
  })
}
