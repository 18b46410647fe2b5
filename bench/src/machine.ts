import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { client, pinned } from './http/load.js'

/** The machine in one line. */
export function machine(): string {
  const { node, openssl } = process.versions
  const memory = Math.round(totalmem() / 2 ** 30)
  const load = (loadavg()[0] as number).toFixed(1)
  return `${availableParallelism()} x ${cpus()[0]?.model ?? process.arch}, ${memory} GiB, Node ${node}, OpenSSL ${openssl}, load ${load}, client ${client}${pinned ? ', server and client on a core each' : ''}`
}
