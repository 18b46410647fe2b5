/** A value with its weight. */
interface Held<V> {
  readonly value: V
  weight: number
}

/** The values of one group, the eldest first. */
interface Group<V> {
  readonly members: Map<string, Held<V>>
  weight: number
}

/**
 * A map of a bounded weight that groups share: when it is full, the heaviest group loses a member, so that a group of a
 * million members only ever evicts its own, and small groups keep what they have. Which member goes, the `eldest` or the
 * `newest`, is fixed for the map. Evicting walks over the groups; everything else takes constant time.
 */
export class FairMap<V> {
  readonly #most: number
  readonly #leaves: 'eldest' | 'newest'
  readonly #left: (key: string, value: V) => void
  readonly #entitled: number
  readonly #keptFromFirst: number
  readonly #groups = new Map<string, Group<V>>()
  readonly #names = new Map<string, string>()
  #weight = 0

  /**
   * @param most the bound on the weight of all values
   * @param leaves which member of the heaviest group is evicted
   * @param left called with each that was evicted
   * @param entitlement a group that holds no more than this part of the whole is not evicted from for groups that come later
   * @param keptFromFirst the same, where what comes is the first of its group
   */
  constructor(
    most: number,
    leaves: 'eldest' | 'newest',
    left: (key: string, value: V) => void,
    entitlement: number = 1 / 64,
    keptFromFirst: number = entitlement,
  ) {
    this.#entitled = most * entitlement
    this.#keptFromFirst = most * keptFromFirst
    this.#most = most
    this.#leaves = leaves
    this.#left = left
  }

  get size(): number {
    return this.#names.size
  }

  get weight(): number {
    return this.#weight
  }

  has(key: string): boolean {
    return this.#names.has(key)
  }

  get(key: string): V | undefined {
    return this.#group(key)?.members.get(key)?.value
  }

  /**
   * Whether a new value would be held: there is room for it, or a group that is heavier than its own would be loses its
   * newest member for it.
   */
  fits(name: string, weight: number): boolean {
    if (this.#weight + weight <= this.#most) return true
    const own = this.#groups.get(name)
    const bar = Math.max(
      (own?.weight ?? 0) + weight,
      own === undefined ? this.#keptFromFirst : this.#entitled,
    )
    for (const group of this.#groups.values()) if (group.weight > bar) return true
    return false
  }

  /** Sets the value of a key, in the group `name`. */
  add(key: string, name: string, value: V, weight: number): void {
    this.delete(key)
    const group = this.#groups.get(name) ?? { members: new Map(), weight: 0 }
    this.#groups.set(name, group)
    group.members.set(key, { value, weight })
    this.#names.set(key, name)
    this.#grow(group, weight)
  }

  /** Sets the weight of a value that is held; its age stays. */
  reweigh(key: string, weight: number): void {
    const group = this.#group(key)
    const held = group?.members.get(key)
    if (group === undefined || held === undefined) return
    const more = weight - held.weight
    held.weight = weight
    this.#grow(group, more)
  }

  delete(key: string): V | undefined {
    const name = this.#names.get(key)
    const group = name === undefined ? undefined : this.#groups.get(name)
    const held = group?.members.get(key)
    if (name === undefined || group === undefined || held === undefined) return undefined
    this.#names.delete(key)
    group.members.delete(key)
    group.weight -= held.weight
    this.#weight -= held.weight
    if (group.members.size === 0) this.#groups.delete(name)
    return held.value
  }

  /** All values, by group. */
  *values(): Generator<V> {
    for (const { members } of this.#groups.values()) for (const { value } of members.values()) yield value
  }

  #group(key: string): Group<V> | undefined {
    const name = this.#names.get(key)
    return name === undefined ? undefined : this.#groups.get(name)
  }

  #grow(group: Group<V>, weight: number): void {
    group.weight += weight
    this.#weight += weight
    while (this.#weight > this.#most) this.#makeRoom(group)
  }

  #makeRoom(grown: Group<V>): void {
    // Where no group holds more than it may: the one that grew if who came first stays, otherwise the one that came first.
    const [first] = this.#groups.values()
    const isNewest = this.#leaves === 'newest'
    let giving = isNewest && grown.members.size > 0 ? grown : first
    const bar = grown.members.size === 1 ? this.#keptFromFirst : this.#entitled
    let most = bar
    for (const group of this.#groups.values()) {
      // Of those that hold the same, it is the one that came first where the eldest leaves, and the one that came last otherwise.
      if (group.weight <= bar || group.weight < most || (group.weight === most && !isNewest)) continue
      giving = group
      most = group.weight
    }
    const key = this.#leaving(giving as Group<V>)
    const value = this.delete(key) as V
    this.#left(key, value)
  }

  #leaving({ members }: Group<V>): string {
    const [eldest] = members.keys()
    if (this.#leaves === 'eldest') return eldest as string
    let newest = eldest
    for (const key of members.keys()) newest = key
    return newest as string
  }
}
