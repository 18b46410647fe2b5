/** A value in the list of its group. The head of the list has no value. */
interface Node<V> {
  readonly key: string
  readonly group: Group<V>
  readonly value: V | undefined
  readonly weight: number
  before: Node<V>
  after: Node<V>
}

/** The values of one group, in order of use: `head.after` is the least recently used. */
interface Group<V> {
  readonly name: string
  readonly head: Node<V>
  weight: number
  /** Its index in the heap. */
  index: number
}

/**
 * A cache bounded by count and by weight, least recently used first, that groups share fairly. Room is made in the
 * heaviest group, so a group with a million values, or with a few heavy ones, only displaces its own. (An lru-cache
 * has one order for all values and allocates its capacity at once, which rules out one cache per group.) Reading
 * takes constant time; everything else takes the time of a heap of groups.
 */
export class FairLru<V> {
  readonly #most: number
  readonly #mostWeight: number
  readonly #nodes = new Map<string, Node<V>>()
  readonly #groups = new Map<string, Group<V>>()
  /** A binary heap, the heaviest group first. */
  readonly #heap: Group<V>[] = []
  #weight = 0

  /**
   * @param most values held; 0 for none
   * @param mostWeight of all values; a heavier single value is not held
   */
  constructor(most: number, mostWeight: number) {
    this.#most = most
    this.#mostWeight = mostWeight
  }

  get size(): number {
    return this.#nodes.size
  }

  /** The weight of all values. */
  get weight(): number {
    return this.#weight
  }

  /** Whether a key is held. Does not count as a use. */
  has(key: string): boolean {
    return this.#nodes.has(key)
  }

  /** The value of a key. Counts as a use. */
  get(key: string): V | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    unlink(node)
    append(node)
    return node.value
  }

  /** Sets a key that is not held. */
  add(key: string, name: string, value: V, weight: number): void {
    if (this.#most === 0 || weight > this.#mostWeight || this.#nodes.has(key)) return
    while (this.#nodes.size >= this.#most || this.#weight + weight > this.#mostWeight) this.#makeRoom()
    const group = this.#groups.get(name) ?? this.#open(name)
    const node = { key, group, value, weight } as Node<V>
    append(node)
    this.#nodes.set(key, node)
    this.#weight += weight
    group.weight += weight
    this.#rise(group)
  }

  delete(key: string): void {
    const node = this.#nodes.get(key)
    if (node !== undefined) this.#remove(node)
  }

  /** Drops the values of a group for which `isDropped` is true; all of them by default. */
  drop(name: string, isDropped: (value: V) => boolean = () => true): void {
    const group = this.#groups.get(name)
    if (group === undefined) return
    for (let node = group.head.after; node !== group.head; node = node.after)
      if (isDropped(node.value as V)) this.#remove(node)
  }

  #makeRoom(): void {
    this.#remove((this.#heap[0] as Group<V>).head.after)
  }

  #remove(node: Node<V>): void {
    const { group, key, weight } = node
    unlink(node)
    this.#nodes.delete(key)
    this.#weight -= weight
    group.weight -= weight
    if (isEmpty(group)) this.#close(group)
    else this.#sink(group)
  }

  #open(name: string): Group<V> {
    const group = { name, weight: 0, index: this.#heap.length } as {
      -readonly [K in keyof Group<V>]: Group<V>[K]
    }
    const head = { key: '', group, value: undefined, weight: 0 } as unknown as Node<V>
    head.before = head
    head.after = head
    group.head = head
    this.#groups.set(name, group)
    this.#heap.push(group)
    return group
  }

  #close(group: Group<V>): void {
    this.#groups.delete(group.name)
    const last = this.#heap.pop() as Group<V>
    if (last === group) return
    this.#put(last, group.index)
    this.#rise(last)
    this.#sink(last)
  }

  #rise(group: Group<V>): void {
    while (group.index > 0) {
      const parent = this.#heap[(group.index - 1) >> 1] as Group<V>
      if (parent.weight >= group.weight) return
      this.#swap(group, parent)
    }
  }

  #sink(group: Group<V>): void {
    while (true) {
      const left = this.#heap[2 * group.index + 1]
      const right = this.#heap[2 * group.index + 2]
      const heavier = right !== undefined && right.weight > (left as Group<V>).weight ? right : left
      if (heavier === undefined || heavier.weight <= group.weight) return
      this.#swap(group, heavier)
    }
  }

  #swap(one: Group<V>, other: Group<V>): void {
    const { index } = one
    this.#put(one, other.index)
    this.#put(other, index)
  }

  #put(group: Group<V>, index: number): void {
    this.#heap[index] = group
    group.index = index
  }
}

const isEmpty = <V>({ head }: Group<V>): boolean => head.after === head

function append<V>(node: Node<V>): void {
  const { head } = node.group
  node.before = head.before
  node.after = head
  head.before.after = node
  head.before = node
}

function unlink<V>(node: Node<V>): void {
  node.before.after = node.after
  node.after.before = node.before
}
