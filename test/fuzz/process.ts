import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FuzzOrder, FuzzSaid } from './messages.js'

/** What became of a process that ended or never came back: the input that it had, in base64. */
export interface Lost {
  readonly lost: string
  readonly why: string
}

/** Milliseconds that an order may take beyond what it was given: of a machine that has other things to do. */
const patience = 60_000

/** A process that fuzzes. */
export class FuzzProcess {
  readonly #file: string
  readonly #child: ChildProcess

  constructor(file: string, seed: number, isGuided: boolean) {
    this.#file = file
    const script = fileURLToPath(new URL('worker.js', import.meta.url))
    this.#child = fork(script, [file, String(seed), isGuided ? 'guided' : 'blind'])
  }

  /** Gives an order, and waits for what is said of it. */
  run(order: FuzzOrder): Promise<FuzzSaid | Lost> {
    return new Promise((resolve) => {
      const done = (said: FuzzSaid | Lost): void => {
        clearTimeout(timer)
        this.#child.off('message', done).off('exit', exited)
        resolve(said)
      }
      const exited = (code: number | null, signal: string | null): void =>
        done({ lost: this.#input(), why: `the process ended: ${code ?? signal}` })
      const timer = setTimeout(
        () => {
          this.#child.kill('SIGKILL')
          done({ lost: this.#input(), why: 'no end of it' })
        },
        order.seconds * 1000 + patience,
      )
      this.#child.once('message', done).once('exit', exited)
      this.#child.send(order)
    })
  }

  end(): void {
    this.#child.disconnect()
  }

  #input(): string {
    const bytes = readFileSync(this.#file)
    return bytes.subarray(4, 4 + bytes.readUInt32LE(0)).toString('base64')
  }
}
