/** A hostile case, or a control beside one: its id, what is sent, and what has to come back. */
export type CaseLine = readonly [id: string, sent: string, answer?: string]
