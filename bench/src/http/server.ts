import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { readCast } from './cast.js'
import { type Framework, type ServerName, serverPlan } from './series.js'
import { startWork, type Work } from './work.js'

// One server under test, as a separate process: `server.js <framework> <server> <cast file>`. It reports its port,
// and its CPU time whenever asked. It ends with the driver.

/** A message of a server to the driver. */
export interface FromServer {
  readonly port?: number
  /** Microseconds of CPU since the start. */
  readonly cpu?: number
  /** The waiting times of the application's own work since the last question. */
  readonly work?: Work
}

const [framework, name, file] = process.argv.slice(2) as [Framework, ServerName, string]
const plan = serverPlan(name)

const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}
const say = (message: FromServer): void => void process.send?.(message)
process.on('disconnect', () => process.exit(0))

if (plan.processes !== undefined && cluster.isPrimary) await lead(plan.processes)
else {
  // So that a server loads nothing of the other framework.
  const { start } = await (framework === 'fastify' ? import('./fastify-app.js') : import('./express-app.js'))
  // Workers of a cluster share the port of the first one.
  const port = await start(plan, readCast(file))
  const work = plan.busy === true ? startWork() : undefined
  process.on('message', (question) =>
    say(question === 'work' && work !== undefined ? { work: work() } : { cpu: cpu() }),
  )
  say({ port })
}

async function lead(processes: number): Promise<void> {
  const workers = Array.from({ length: processes }, () => cluster.fork())
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
