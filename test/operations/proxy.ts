import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freePort } from '../free-port.js'
import type { Authority } from '../issuer/loopback.js'
import { replaced } from './page.js'

/** A proxy that runs with a configuration of the page. */
export interface RunningProxy {
  readonly port: number
  stop(): Promise<void>
}

/** A proxy that can be installed here. */
export interface ProxyKind {
  readonly name: 'nginx' | 'haproxy'
  /** The heading under which the page has its configuration. */
  readonly heading: string
  readonly installed: boolean
  /**
   * Runs it. Of the page's text only the addresses and the names of files are replaced.
   *
   * @param application the port that it forwards to
   */
  start(configuration: string, application: number, authority: Authority): Promise<RunningProxy>
}

const isInstalled = (name: string, version: string): boolean => spawnSync(name, [version]).status === 0

const nginx: ProxyKind = {
  name: 'nginx',
  heading: '### nginx',
  installed: isInstalled('nginx', '-v'),
  start: (configuration, application, authority) =>
    run(authority, (port, directory) => {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${directory}/${name};`,
      )
      const text = replaced(configuration, [
        ['127.0.0.1:3000', `127.0.0.1:${application}`],
        ['listen 443', `listen 127.0.0.1:${port}`],
        ['/etc/ssl/notes.crt', join(directory, 'pem')],
        ['/etc/ssl/notes.key', join(directory, 'pem')],
      ])
      const whole = `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/log;
        events {} http { access_log off; ${temporary.join(' ')} ${text} }`
      writeFileSync(join(directory, 'conf'), whole)
      return ['nginx', '-p', directory, '-e', join(directory, 'log'), '-c', join(directory, 'conf')]
    }),
}

const haproxy: ProxyKind = {
  name: 'haproxy',
  heading: '### HAProxy',
  installed: isInstalled('haproxy', '-v'),
  start: (configuration, application, authority) =>
    run(authority, (port, directory) => {
      const text = replaced(configuration, [
        ['127.0.0.1:3000', `127.0.0.1:${application}`],
        ['bind :443', `bind 127.0.0.1:${port}`],
        ['/etc/haproxy/notes.pem', join(directory, 'pem')],
      ])
      writeFileSync(join(directory, 'conf'), `global\n  maxconn 200\n${text}`)
      return ['haproxy', '-db', '-q', '-f', join(directory, 'conf')]
    }),
}

/** The proxies whose configurations are run. */
export const proxies: readonly ProxyKind[] = [nginx, haproxy]

async function run(
  authority: Authority,
  prepare: (port: number, directory: string) => readonly string[],
): Promise<RunningProxy> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-proxy-'))
  const { cert, key } = await authority.issue('rs.example')
  writeFileSync(join(directory, 'pem'), `${cert}\n${key}\n`)
  const port = await freePort()
  const [command, ...given] = prepare(port, directory) as [string, ...string[]]
  const child = spawn(command, given, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
  const stop = async (): Promise<void> => {
    await end(child)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await vi.waitUntil(
      () => {
        if (child.exitCode !== null) throw new Error(`${command} ended: ${said}`)
        return accepts(port)
      },
      { timeout: 10_000, interval: 20 },
    )
  } catch (failure) {
    await stop()
    throw failure
  }
  return { port, stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
