/** Every sentence of the page, in English. `{words}` in braces are placeholders for values. */
export const englishMessages = {
  titleSession: 'Connect an agent to {site}?',
  titleApproval: 'Let an agent do this once?',
  titleLink: 'Let agents use your account at {site}?',
  titleLinked: 'Agents use an account at {site} already',
  titleCode: 'Enter the code from your agent',
  titleApproved: 'You approved the request',
  titleDeclined: 'You declined the request',
  titleReturned: 'Thank you',
  titleProblem: 'This did not work',

  asksAgent: 'The agent {agent} from {server}',
  asksSomebody: 'An agent of somebody at {server} asks for this:',
  asksForAnother: 'It helps the agent {agent}',

  wants: 'It wants to',
  wantsCall: 'Carry out this call: {call}',
  wantsSite: 'Use {site} in your name',
  wantsAccount: 'Use your account at {site}, now and later, for the person {person} that {server} speaks for',
  wantsTenant: 'Do so in the name of the organisation {tenant}',
  alreadyLinked:
    'The person {person} that {server} speaks for is connected to an account at {site} already. It stays connected to that one, which may be another than the one you are signed in with; nothing is changed here.',
  contentShown: 'With this content ({size}):',
  contentCut: 'Only the beginning is shown; there is more ({size}).',
  contentHidden: 'It comes with content that cannot be shown ({size}).',

  lasts: 'For how long',
  lastsOnce: 'Once. The agent has to ask again the next time.',
  lastsUnused: 'It ends when the agent has not used it for {unused}, and after {most} in any case.',
  lastsMost: 'It ends after {most}.',
  lastsUntilEnded: 'Until you end it in your account.',

  signedIn: 'Signed in as {user}.',
  signOut: 'Not you? Sign out',
  warning:
    'Approve only if you started this yourself, with an agent that you know. If in doubt, decline: then nothing happens.',
  warningLink:
    'Approve only if you started this yourself, with an agent that you know, and if {server} is your own person server. If in doubt, decline: then nothing happens.',
  approve: 'Approve',
  decline: 'Decline',
  goOn: 'Continue',

  code: 'Code',
  codeNote: 'Your agent shows you the code: eight letters and digits. Enter no code that somebody sent you.',

  doneApproved: 'Your agent will go on by itself. You can close this page.',
  doneLinked: 'Your account is connected, and your agent will go on by itself. You can close this page.',
  doneDeclined: 'Nothing was shared and nothing was done. You can close this page.',
  doneReturned: 'Your agent will go on with what you decided. You can close this page.',

  problemCode: 'Code of this error: {code}',
  problemInvalidCode:
    'This link or code is not valid, or has been used already. Ask your agent for a new one.',
  problemTooManyCodes: 'This request was ended after too many wrong codes. Ask your agent to start again.',
  problemExpired: 'This request has run out of time. Ask your agent to start again.',
  problemEnded: 'Something went wrong here, and this request has ended. Ask your agent to start again.',
  problemStopped:
    'This request was stopped, because access of the agent or of the person it acts for was taken back. It can no longer be approved.',
  problemNotYours:
    'The person who is signed in cannot approve this. Sign in as the person it concerns, and open this page again.',
  problemNotOpened:
    'This browser has not opened the link yet. Open the link that your agent gave you, in this browser.',
  problemCookie:
    'Your browser did not keep the cookie of this page, so it cannot be known again. Allow cookies and ask your agent for a new link. For whoever runs this site: over plain http browsers keep it only with the option interaction.insecureCookie.',
  problemProvider:
    'The server of your agent’s provider cannot be reached. Open the link again in a minute; it still counts.',
  problemCallback: 'The link would lead to a page that is not your agent’s. Ask your agent for a new one.',
  problemCallbackLink:
    'The link would lead to a page that is not your person server’s. Ask your agent for a new one.',
  problemRefused: 'Your account was not connected.',
  problemLinking:
    'Another page is connecting this person to an account at this moment. Reload this page in a few seconds.',
  problemOutdated: 'This page was out of date, and nothing was decided. Go back, reload it and decide again.',
  problemUndecided: 'Nothing was decided. Go back and press Approve or Decline.',
  problemUnread: 'The form could not be read, and nothing was decided. Go back and press Approve or Decline.',
  problemFailed: 'Something went wrong here. Reload this page in a minute to see whether it was decided.',
} as const

/** The sentences of the page in one language, by name. Plain text; `{words}` in braces are placeholders for values. */
export type PageMessages = { readonly [Key in keyof typeof englishMessages]: string }

/** The name of a sentence of the page. */
export type MessageKey = keyof PageMessages

const placeholder = /\{(\w+)\}/g

/** The placeholders in a sentence, each once, in alphabetical order. */
export function placeholdersOf(sentence: string): string[] {
  return [...new Set([...sentence.matchAll(placeholder)].map(([, name]) => name as string))].sort()
}

/** Puts values into a sentence. Braces in a value are not replaced. */
export function fill(sentence: string, values: Readonly<Record<string, string>>): string {
  return sentence.replace(placeholder, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] as string) : whole,
  )
}
