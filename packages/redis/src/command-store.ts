import { randomUUID } from 'node:crypto'
import type { Store } from '@countersign/core'
import { restorableKind } from '@countersign/core/adapter'
import type { Commands } from './clients.js'
import { Epoch, type EpochContext } from './epoch.js'
import { type EpochCommands, epochName } from './epoch-keys.js'
import { Founding } from './founding.js'
import type { Journal } from './journal.js'
import { isMarkKey, type Parts, partOfMarks } from './parts.js'
import type { Restored } from './restoration.js'
import { isSet, Sender, textOf } from './sender.js'

// Milliseconds after which clients, with their default settings, have tried to reconnect and checked the epoch.
const reconnecting = 3000

/** The context of a {@link CommandStore}. */
export interface CommandStoreContext {
  readonly parts: Parts
  readonly timeout: number
  /** Registers a listener for new connections; absent if the client has no such event. */
  readonly onReady: ((listener: () => void) => void) | undefined
  /** The error with which commands reject while there is no connection. */
  readonly absence: () => Error
  /** Whether lost data is detected. */
  readonly isWatched: boolean
  /** The entries to write back then; absent if nothing is written back. */
  readonly journal: Journal | undefined
  /** Commands whose writes do not wait for replicas. */
  readonly unconfirmed: Commands
}

/** A store that sends commands, and detects for each of its parts whether Redis has lost the data. */
export class CommandStore implements Store {
  readonly part?: (key: string) => number
  readonly #sender: Sender
  readonly #context: CommandStoreContext
  readonly #parts: Parts
  readonly #journal: Journal | undefined
  readonly #isWatched: boolean
  readonly #listeners = new Set<() => void>()
  readonly #restoredListeners = new Set<(entries: number) => void>()
  /** One for each part. */
  readonly #epochs: readonly Epoch[]
  readonly #epochKeys: readonly string[]
  #restored: number | undefined
  #isLooking = false

  constructor(commands: Commands, context: CommandStoreContext) {
    const { parts, onReady, isWatched, journal } = context
    this.#sender = new Sender(commands, context.timeout, context.absence)
    this.#context = context
    this.#parts = parts
    this.#isWatched = isWatched
    this.#journal = journal
    this.#epochKeys = parts.prefixes.map((prefix) => prefix + epochName)
    this.#epochs = this.#newEpochs(commands)
    onReady?.(() => {
      for (const listener of this.#listeners) listener()
      for (const epoch of this.#epochs) epoch.look()
    })
    if (parts.count > 1) this.part = (key) => parts.of(key)
  }

  onConnected(listener: () => void): void {
    this.#listeners.add(listener)
    if (this.#sender.isReady) queueMicrotask(listener)
  }

  onRestored(listener: (entries: number) => void): void {
    this.#restoredListeners.add(listener)
  }

  async get(key: string): Promise<string | undefined> {
    const [value] = await this.#read([key], this.#parts.of(key))
    return value
  }

  getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    const part = this.#parts.of(keys[0] ?? '')
    if (this.#parts.count > 1 && keys.some((key) => this.#parts.of(key) !== part))
      return Promise.all(keys.map((key) => this.get(key)))
    return this.#read(keys, part)
  }

  async put(key: string, value: string, ttl: number): Promise<void> {
    const ms = milliseconds(ttl)
    const part = this.#parts.of(key)
    const epoch = this.#epochOf(part)
    const name = this.#nameOf(part, key)
    // Nothing would be written back to a part whose loss is not detected.
    if (this.#journal !== undefined && this.#parts.count > 1 && !epoch.isSeen) await epoch.check()
    const before = epoch.state
    await this.#sender.send((commands) => commands.set(name, value, ms))
    if (this.#note(key, value, ms, part) && epoch.state !== before)
      // The entry may have been written before a loss, and the rest been written back before the journal had it.
      await this.#sender.send((commands) => commands.set(name, value, ms))
  }

  async claim(key: string, value: string, ttl: number): Promise<boolean> {
    const ms = milliseconds(ttl)
    const part = this.#parts.of(key)
    const name = this.#nameOf(part, key)
    if (!this.#isWatched)
      return isSet(await this.#sender.send((commands) => commands.setIfAbsent(name, value, ms)))
    const epoch = this.#epochOf(part)
    // What wins while others still write back what they know has not won either.
    epoch.assertSettled()
    if (!epoch.isSeen) await epoch.check()
    // A claim that won because the data is gone does not count. So the epoch is read after the claim, over the same
    // connection. A client may send both again over a new one.
    const [reply, found] = await this.#sender.send(async (commands) => {
      const claimed = commands.setIfAbsent(name, value, ms)
      if (!commands.isOrdered) await claimed
      return Promise.all([claimed, commands.get(this.#epochKeys[part] as string)])
    })
    const current = textOf(found)
    if (!epoch.isKnown(current)) await epoch.judge(current)
    epoch.assertSettled()
    const won = isSet(reply)
    if (won || (await this.#isThere(key, value))) this.#note(key, value, ms, part)
    return won
  }

  /**
   * Whether a stop or a denial that lost its claim is there all the same, said by another process or by this one, whose client
   * sent it once more. This process is asked for it, too, and may be the only one left to know of it.
   */
  async #isThere(key: string, value: string): Promise<boolean> {
    const kind = this.#journal === undefined ? undefined : restorableKind(key)
    if (kind === undefined || kind === 'used') return false
    return (await this.get(key)) === value
  }

  async delete(key: string): Promise<void> {
    const part = this.#parts.of(key)
    // The entry could be written back a moment later.
    if (this.#journal?.get(key) !== undefined) {
      this.#epochOf(part).assertSettled()
      this.#journal.forget(key)
    }
    await this.#sender.send((commands) => commands.del(this.#nameOf(part, key)))
  }

  async acceptLoss(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#epochs.map((epoch) => epoch.accept()))
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  #newEpochs(commands: Commands): readonly Epoch[] {
    const { parts, timeout, journal } = this.#context
    const sent = parts.prefixes.map((prefix) => this.#commandsOf(commands, prefix))
    const founding = new Founding(sent)
    const common: Omit<EpochContext, 'commands' | 'part'> = {
      journal,
      window: reconnecting + 2 * timeout,
      monotonic: () => performance.now(),
      onLost: () => this.#lookEverywhere(),
      onRestored: (restored) => this.#tell(restored),
    }
    const inCluster = { hasBegun: () => founding.hasBegun(), changeMarks: () => this.#changeMarks() }
    return sent.map(
      (commands, part) => new Epoch({ ...common, ...(parts.count > 1 ? inCluster : {}), commands, part }),
    )
  }

  /** The commands for the epoch of a part. */
  #commandsOf(commands: Commands, prefix: string): EpochCommands {
    const { unconfirmed } = this.#context
    const set = (to: Commands) => (name: string, value: string, ms: number) =>
      this.#sender.send(() => to.set(prefix + name, value, ms))
    const claim = (to: Commands) => async (name: string, value: string, ms: number) =>
      isSet(await this.#sender.send(() => to.setIfAbsent(prefix + name, value, ms)))
    return {
      ready: () => this.#sender.isReady,
      get: async (name) => textOf(await this.#sender.send((sent) => sent.get(prefix + name))),
      claim: claim(commands),
      put: set(commands),
      claimUnconfirmed: claim(unconfirmed),
      putUnconfirmed: set(unconfirmed),
    }
  }

  /** When one part of a cluster is lost, others usually are as well. */
  #lookEverywhere(): void {
    if (this.#parts.count === 1 || this.#isLooking) return
    this.#isLooking = true
    void Promise.allSettled(this.#epochs.map((epoch) => epoch.check())).then(() => {
      this.#isLooking = false
    })
  }

  /** Changes the marks that this process has written. They have a part of their own. */
  async #changeMarks(): Promise<void> {
    const marks = (this.#journal?.live(partOfMarks) ?? []).filter(({ key }) => isMarkKey(key))
    const put = ({ key, expires }: { readonly key: string; readonly expires: number }): Promise<unknown> => {
      const left = Math.max(1, Math.ceil(expires - performance.now()))
      return this.#sender.send((commands) => commands.set(this.#nameOf(partOfMarks, key), randomUUID(), left))
    }
    await Promise.all(marks.map(put))
  }

  /** Tells the listeners once for all parts that were lost together. */
  #tell(restored: Restored | undefined): void {
    if (restored !== undefined) this.#restored = (this.#restored ?? 0) + restored.written
    if (this.#restored === undefined || this.#epochs.some(({ isRestoring }) => isRestoring)) return
    const entries = this.#restored
    this.#restored = undefined
    for (const listener of this.#restoredListeners) listener(entries)
  }

  #nameOf(part: number, key: string): string {
    return (this.#parts.prefixes[part] as string) + key
  }

  #epochOf(part: number): Epoch {
    return this.#epochs[part] as Epoch
  }

  #note(key: string, value: string, ms: number, part: number): boolean {
    const isNoted = this.#journal?.note(key, value, ms, part) === true
    if (isNoted) this.#epochOf(part).watch()
    return isNoted
  }

  /** @param keys all of one part */
  #read(keys: readonly string[], part: number): Promise<readonly (string | undefined)[]> {
    const prefix = this.#parts.prefixes[part] as string
    const names = keys.map((key) => prefix + key)
    if (!this.#isWatched) return this.#sender.readMany(names).then((replies) => replies.map(textOf))
    const epoch = this.#epochOf(part)
    // Its answer may come when everything has been written back, and be without what was missing before.
    if (epoch.isRestoring) return Promise.reject(epoch.unsettled)
    names.push(this.#epochKeys[part] as string)
    // Every request waits for this, so each promise saved counts.
    return this.#sender.readMany(names).then((replies) => {
      const values = replies.map(textOf)
      const found = values.pop()
      if (epoch.isKnown(found)) return values
      // One that was not known before may not have had everything yet when this was read.
      return epoch.judge(found).then(() => (epoch.isSeen ? this.#read(keys, part) : values))
    })
  }
}

// Redis counts whole milliseconds, and rejects 0.
const milliseconds = (ttl: number): number => Math.max(1, Math.ceil(ttl * 1000))
