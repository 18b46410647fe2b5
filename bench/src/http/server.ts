import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { readCast } from './cast.js'
import { startExpress } from './express-app.js'
import { startFastify } from './fastify-app.js'
import type { Contender, Framework, FromServer, Kind } from './kinds.js'

// One server under test, in a process of its own: `server.js <framework> <contender> <cast file>`. It says its port,
// and how much CPU it has used whenever it is asked. It ends with the driver.

const [framework, contender, file] = process.argv.slice(2) as [Framework, Contender, string]

const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}
const say = (message: FromServer): void => void process.send?.(message)
process.on('disconnect', () => process.exit(0))

if (contender === 'ours_two' && cluster.isPrimary) await lead()
else {
  const kind: Kind = contender === 'ours_two' || contender === 'ours_free' ? 'ours' : contender
  const start = framework === 'fastify' ? startFastify : startExpress
  // Workers of a cluster share the port that the first of them is given.
  const port = await start(kind, readCast(file), 0)
  process.on('message', () => say({ cpu: cpu() }))
  say({ port })
}

async function lead(): Promise<void> {
  const workers = [cluster.fork(), cluster.fork()]
  const ports = await Promise.all(workers.map((worker) => hear(worker)))
  process.on('message', async () => {
    const used = workers.map((worker) => {
      const answer = hear(worker)
      worker.send('cpu')
      return answer
    })
    const all = await Promise.all(used)
    say({ cpu: all.reduce((sum, one) => sum + (one.cpu ?? 0), cpu()) })
  })
  say(ports[0] as FromServer)
}

async function hear(worker: Worker): Promise<FromServer> {
  const [message] = (await once(worker, 'message')) as [FromServer]
  return message
}
