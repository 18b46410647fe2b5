// Preloaded into a process that talks to `https://` identifiers: every host in COUNTERSIGN_LOOPBACK is plain HTTP to
// 127.0.0.1 at its port, every other is refused. URL and Host stay what they are.
import net from 'node:net'
import { Agent, setGlobalDispatcher } from 'undici'

const routes = new Map(Object.entries(JSON.parse(process.env['COUNTERSIGN_LOOPBACK'] ?? '{}')))

setGlobalDispatcher(
  new Agent({
    connect(options, done) {
      const port = routes.get(options.hostname)
      if (port === undefined) return done(new Error(`no loopback route to ${options.hostname}`), null)
      const socket = net.connect(port, '127.0.0.1')
      socket.once('connect', () => done(null, socket)).once('error', (error) => done(error, null))
    },
  }),
)
