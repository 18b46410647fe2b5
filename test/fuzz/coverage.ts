import { register } from 'node:module'
import { counter } from './instrument.js'

/** More than core has branches. */
const most = 65_536

/** Counts what has run of the branches of our code, in a process that has said so before it loaded any. */
export class Branches {
  readonly #counts = new Uint8Array(most)
  readonly #words = new Int32Array(this.#counts.buffer)
  #top = 0

  /** For this whole process, once. */
  static count(): Branches {
    const branches = new Branches()
    const enter = (top: number): Uint8Array => {
      if (top > most) throw new Error(`more than ${most} branches`)
      branches.#top = Math.max(branches.#top, Math.ceil(top / 4))
      return branches.#counts
    }
    Object.assign(globalThis, { [Symbol.for(counter)]: { enter } })
    register('./hooks.js', import.meta.url)
    return branches
  }

  clear(): void {
    this.#words.fill(0, 0, this.#top)
  }

  /** Calls back with each branch that has run since they were cleared, and how often by powers of two, one bit for each. */
  each(back: (branch: number, times: number) => void): void {
    for (let word = 0; word < this.#top; word++) {
      if (this.#words[word] === 0) continue
      for (let branch = word * 4; branch < word * 4 + 4; branch++) {
        const count = this.#counts[branch] as number
        if (count > 0) back(branch, 1 << (31 - Math.clz32(count)))
      }
    }
  }
}

/** What has been seen of them, of one target. */
export class Seen {
  readonly #bits = new Uint8Array(most)
  readonly #branches: Branches | undefined
  size = 0

  /** @param branches without them nothing is ever new */
  constructor(branches: Branches | undefined) {
    this.#branches = branches
  }

  clear(): void {
    this.#branches?.clear()
  }

  /** Whether what has run since it was cleared came to a branch, or as often to one, for the first time; noted from now on. */
  isNew(): boolean {
    let isNew = false
    this.#branches?.each((branch, times) => {
      const before = this.#bits[branch] as number
      if ((before & times) !== 0) return
      if (before === 0) this.size++
      this.#bits[branch] = before | times
      isNew = true
    })
    return isNew
  }
}
