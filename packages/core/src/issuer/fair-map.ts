/** A value with its weight. */
interface Held<V> {
  readonly value: V
  weight: number
}

/** The values of one group, the oldest first. */
interface Group<V> {
  readonly members: Map<string, Held<V>>
  weight: number
}

/**
 * A map of bounded weight that groups share. When it is full, the heaviest group loses a member. So a group of a
 * million members only evicts its own, and small groups keep theirs. Whether its `eldest` or its `newest` member goes
 * is fixed for the map. Evicting iterates over the groups; everything else takes constant time.
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
   * @param left called with each evicted value
   * @param entitlement a group with at most this part of the whole loses nothing to groups that come later
   * @param keptFromFirst the same, when the new value is the first of its group
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
   * Whether a new value would fit: there is room for it, or a group that would be heavier than its own would lose its
   * newest member.
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

  /** Sets the value of a key in the group `name`. */
  add(key: string, name: string, value: V, weight: number): void {
    this.delete(key)
    const group = this.#groups.get(name) ?? { members: new Map(), weight: 0 }
    this.#groups.set(name, group)
    group.members.set(key, { value, weight })
    this.#names.set(key, name)
    this.#grow(group, weight)
  }

  /** Changes the weight of a value; its age stays. */
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
    // If no group holds more than its entitlement: the group that grew is chosen if earlier members stay, otherwise
    // the oldest group.
    const [first] = this.#groups.values()
    const isNewest = this.#leaves === 'newest'
    let giving = isNewest && grown.members.size > 0 ? grown : first
    const bar = grown.members.size === 1 ? this.#keptFromFirst : this.#entitled
    let most = bar
    for (const group of this.#groups.values()) {
      // Of equally heavy groups: the oldest if the eldest member leaves, otherwise the newest.
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
