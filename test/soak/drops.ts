import { connect } from 'node:net'
import { resource } from '../target/start.js'
import type { Crew } from './crew.js'
import { counted } from './messages.js'

/** Clients on slow lines. */
export class Drops {
  readonly #crew: Crew

  constructor(crew: Crew) {
    this.#crew = crew
  }

  /** Content that comes drop by drop, and a client that may go away meanwhile. */
  async slow(vanishes: boolean): Promise<void> {
    const agent = this.#crew.anybody()
    const token = await this.#crew.tokenOf(agent)
    const body = `${this.#crew.next()} drop by drop `.repeat(50)
    const { method, target, rawHeaders } = await agent.sign(
      { method: 'POST', url: `${resource}/data`, body },
      { token },
    )
    const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}\r\n`] : []))
    const head = `${method} ${target} HTTP/1.1\r\n${lines.join('')}${counted}: 1\r\nConnection: close\r\n\r\n`
    const kind = vanishes ? 'vanished' : 'slow'
    const [wasDown, wasRotating] = [this.#crew.context.isDown(), this.#crew.context.isRotating()]
    this.#crew.sender.sentInAll++
    const status = await dropByDrop(this.#crew.context.port, head, body, vanishes)
    this.#crew.sender.note(kind, status)
    if (vanishes) {
      this.#crew.sender.vanished++
      return
    }
    this.#crew.sender.answered++
    const excused = status === '503' && (wasDown || this.#crew.context.isDown())
    const isNew = status === '401' && (wasRotating || this.#crew.context.isRotating())
    if (status !== '200' && !excused && !isNew) this.#crew.sender.complain(`slow: ${status}`)
  }
}

function dropByDrop(port: number, head: string, body: string, vanishes: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(head)
    let text = ''
    let at = 0
    const step = Math.ceil(body.length / 10)
    const timer = setInterval(() => {
      if (vanishes && at > body.length / 2) socket.destroy()
      else socket.write(body.slice(at, at + step))
      at += step
      if (at >= body.length) clearInterval(timer)
    }, 20)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    // It may answer, and close, before all has come.
    socket.on('error', (cause) => {
      if (!vanishes && text === '') reject(cause)
    })
    socket.on('close', () => {
      clearInterval(timer)
      resolve(vanishes ? 'gone' : (text.split(' ', 2)[1] ?? 'no answer'))
    })
  })
}
