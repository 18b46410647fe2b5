/** A value with its place in its group's list; the list's own head is one without a value. */
interface Node<V> {
  readonly key: string
  readonly group: Group<V>
  readonly value: V | undefined
  before: Node<V>
  after: Node<V>
}

/** The values of one group, in order of use: `head.after` was used longest ago. */
interface Group<V> {
  readonly name: string
  readonly head: Node<V>
  size: number
}

/**
 * A cache bounded by count, least recently used first, in which groups share fairly: room is made in the group that
 * holds most, so that one with a million values only ever pushes out its own. (An lru-cache has one order for all, and
 * reserves its capacity at once, which rules out one cache a group.) Every operation takes constant time.
 */
export class FairLru<V> {
  readonly #most: number
  readonly #nodes = new Map<string, Node<V>>()
  readonly #groups = new Map<string, Group<V>>()
  /** Groups by how many values they hold; the largest number is tracked. */
  readonly #bySize = new Map<number, Set<Group<V>>>()
  #largest = 0

  /** @param most values held; 0 holds none */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#nodes.size
  }

  /** The value of a key, which counts as its use. */
  get(key: string): V | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    unlink(node)
    append(node)
    return node.value
  }

  /** Sets a key that is not held. */
  add(key: string, name: string, value: V): void {
    if (this.#most === 0 || this.#nodes.has(key)) return
    if (this.#nodes.size >= this.#most) this.#makeRoom()
    const group = this.#groups.get(name) ?? this.#open(name)
    const node = { key, group, value } as Node<V>
    append(node)
    this.#nodes.set(key, node)
    this.#resize(group, group.size + 1)
  }

  delete(key: string): void {
    const node = this.#nodes.get(key)
    if (node !== undefined) this.#remove(node)
  }

  /** Drops a whole group. */
  drop(name: string): void {
    const group = this.#groups.get(name)
    while (group !== undefined && group.size > 0) this.#remove(group.head.after)
  }

  #makeRoom(): void {
    const [group] = this.#bySize.get(this.#largest) as Set<Group<V>>
    this.#remove((group as Group<V>).head.after)
  }

  #remove(node: Node<V>): void {
    unlink(node)
    this.#nodes.delete(node.key)
    this.#resize(node.group, node.group.size - 1)
  }

  #open(name: string): Group<V> {
    const group = { name, size: 0 } as { -readonly [K in keyof Group<V>]: Group<V>[K] }
    const head = { key: '', group, value: undefined } as unknown as Node<V>
    head.before = head
    head.after = head
    group.head = head
    this.#groups.set(name, group)
    return group
  }

  #resize(group: Group<V>, size: number): void {
    const peers = this.#bySize.get(group.size)
    peers?.delete(group)
    if (peers?.size === 0) this.#bySize.delete(group.size)
    group.size = size
    if (size === 0) this.#groups.delete(group.name)
    else {
      const others = this.#bySize.get(size)
      if (others === undefined) this.#bySize.set(size, new Set([group]))
      else others.add(group)
    }
    // Sizes change by one, so the next largest is the size this group has now.
    if (size > this.#largest || !this.#bySize.has(this.#largest)) this.#largest = size
  }
}

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
