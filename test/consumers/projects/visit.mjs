// node visit.mjs SERVER PATH [HOST] — runs a program that starts a server, and calls it: as a stranger and, where HOST is
// given, as an agent whose person agrees, in a town that the program finds as the global `town`. Writes what came back.
// The program itself says on which port it listens; it is given a free one.
import { once } from 'node:events'
import { Server } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [file, path, host] = process.argv.slice(2)

/** Runs the program, and resolves to the port it got. */
const run = async () => {
  const { listen } = Server.prototype
  const listening = new Promise((listens) => {
    Server.prototype.listen = function (where, ...rest) {
      once(this, 'listening').then(() => listens(this.address().port))
      return listen.call(this, typeof where === 'object' ? { ...where, port: 0 } : 0, ...rest)
    }
  })
  await import(pathToFileURL(resolve(file)).href)
  return listening
}

const asStranger = async (port) => {
  const answer = await fetch(`http://localhost:${port}${path}`)
  return { status: answer.status, requirement: answer.headers.get('AAuth-Requirement') }
}

const main = async () => {
  if (host === undefined) return { stranger: await asStranger(await run()) }
  const { createTown } = await import('@countersign/devkit')
  const town = await createTown()
  globalThis.town = town
  const port = await run()
  town.route(host, port)
  const sam = town.agent('sam', { person: town.person('mom', { consent: () => true }) })
  const answer = await sam.fetch(`https://${host}${path}`)
  return { stranger: await asStranger(port), agent: { status: answer.status, body: await answer.json() } }
}

console.log(JSON.stringify(await main()))
// The server would go on.
process.exit()
