import type { TokenCaller } from '../caller.js'
import { answerOf, readWithin } from './answers.js'
import type { ChainState } from './chain.js'
import type { ChainingContext } from './context.js'
import { type Progress, SupplierFault, type Wait } from './suppliers.js'

/** The end of a wait on the supplier's side: a token, or the answer of the supplier. */
type Ended = Exclude<Progress, SupplierFault | { readonly state: 'waiting' }>

/** What a held call keeps after a wait: as before, with the token or answer that the wait resulted in. */
export async function afterWait(
  { wait: _, print = '', ...state }: ChainState,
  { supplier }: Wait,
  ended: Ended,
  { token }: TokenCaller,
  { agent, answerBytes }: ChainingContext,
): Promise<ChainState | SupplierFault> {
  if (ended.state === 'answer') {
    const answer = await readAnswer(print, ended.response, answerBytes)
    return answer instanceof SupplierFault ? answer : { ...state, answers: [...state.answers, answer] }
  }
  const { kind, value } = ended
  const exp = Math.min(ended.exp, token.exp)
  const got = { kind, supplier, value, exp, jkt: agent.key.jkt } as const
  const others = state.tokens.filter((one) => one.kind !== kind || one.supplier !== supplier)
  return { ...state, tokens: [...others, got] }
}

async function readAnswer(
  print: string,
  response: Response,
  most: number,
): Promise<ReturnType<typeof answerOf> | SupplierFault> {
  const { status } = response
  // A status that no handler could get.
  if (status < 200 || status > 599)
    return new SupplierFault('supplier_failed', `the supplier answered ${status}`)
  const content = await readWithin(response, most).catch(() => undefined)
  if (content === undefined) return new SupplierFault('supplier_failed', 'the answer broke off')
  if (content instanceof Response) {
    void content.body?.cancel().catch(() => {})
    return new SupplierFault('supplier_failed', 'the supplier’s answer is longer than is kept')
  }
  return answerOf(print, response, content)
}
