import type { PageMessages, PageTranslation } from '@countersign/core/adapter'

/** The shop's page in German. With the type of all sentences none can be forgotten. */
export const german: PageMessages & PageTranslation = {
  siteName: 'Eckladen',
  scopes: {
    'shop.buy': 'Lebensmittel auf Ihre Rechnung kaufen',
    'shop.buy.large': 'Für ein ganzes Fest auf Ihre Rechnung bestellen',
    'shop.staff': 'Das Hinterzimmer betreten',
  },

  titleSession: 'Einen Agenten mit {site} verbinden?',
  titleApproval: 'Einem Agenten dies einmal erlauben?',
  titleLink: 'Agenten Ihr Konto bei {site} nutzen lassen?',
  titleLinked: 'Agenten nutzen schon ein Konto bei {site}',
  titleCode: 'Geben Sie den Code von Ihrem Agenten ein',
  titleApproved: 'Sie haben zugestimmt',
  titleDeclined: 'Sie haben abgelehnt',
  titleReturned: 'Vielen Dank',
  titleProblem: 'Das hat nicht geklappt',

  asksAgent: 'Der Agent {agent} von {server}',
  asksSomebody: 'Ein Agent von jemandem bei {server} bittet um Folgendes:',
  asksForAnother: 'Er hilft dem Agenten {agent}',

  wants: 'Er möchte',
  wantsCall: 'Diesen Aufruf ausführen: {call}',
  wantsSite: '{site} in Ihrem Namen nutzen',
  wantsAccount:
    'Ihr Konto bei {site} jetzt und später für die Person {person} nutzen, für die {server} spricht',
  wantsTenant: 'Das im Namen der Organisation {tenant} tun',
  alreadyLinked:
    'Die Person {person}, für die {server} spricht, ist schon mit einem Konto bei {site} verbunden. Dabei bleibt es, auch wenn es ein anderes ist als das, mit dem Sie angemeldet sind; hier wird nichts geändert.',
  contentShown: 'Mit diesem Inhalt ({size}):',
  contentCut: 'Nur der Anfang wird gezeigt; es folgt noch mehr ({size}).',
  contentHidden: 'Dazu gehört ein Inhalt, der nicht gezeigt werden kann ({size}).',

  lasts: 'Wie lange',
  lastsOnce: 'Einmal. Beim nächsten Mal muss der Agent wieder fragen.',
  // The runtime says a span in the nominative, so the sentence has no preposition before it.
  lastsUnused: 'Ohne Nutzung gilt es {unused}, insgesamt höchstens {most}.',
  lastsMost: 'Es gilt {most}.',
  lastsUntilEnded: 'Bis Sie es in Ihrem Konto beenden.',

  signedIn: 'Angemeldet als {user}.',
  signOut: 'Nicht Sie? Abmelden',
  warning:
    'Stimmen Sie nur zu, wenn Sie dies selbst mit einem Agenten begonnen haben, den Sie kennen. Lehnen Sie im Zweifel ab: Dann geschieht nichts.',
  warningLink:
    'Stimmen Sie nur zu, wenn Sie dies selbst mit einem Agenten begonnen haben, den Sie kennen, und wenn {server} Ihr eigener Personenserver ist. Lehnen Sie im Zweifel ab: Dann geschieht nichts.',
  approve: 'Zustimmen',
  goOn: 'Weiter',
  decline: 'Ablehnen',

  code: 'Code',
  codeNote:
    'Ihr Agent zeigt Ihnen den Code: acht Buchstaben und Ziffern. Geben Sie keinen Code ein, den Ihnen jemand geschickt hat.',

  doneApproved: 'Ihr Agent macht von selbst weiter. Sie können diese Seite schließen.',
  doneLinked:
    'Ihr Konto ist verbunden, und Ihr Agent macht von selbst weiter. Sie können diese Seite schließen.',
  doneDeclined: 'Nichts wurde weitergegeben und nichts getan. Sie können diese Seite schließen.',
  doneReturned: 'Ihr Agent macht mit Ihrer Entscheidung weiter. Sie können diese Seite schließen.',

  problemCode: 'Kennung dieses Fehlers: {code}',
  problemInvalidCode:
    'Dieser Link oder Code ist ungültig oder wurde schon verwendet. Bitten Sie Ihren Agenten um einen neuen.',
  problemTooManyCodes:
    'Diese Anfrage wurde nach zu vielen falschen Codes beendet. Lassen Sie Ihren Agenten neu beginnen.',
  problemExpired: 'Die Zeit für diese Anfrage ist abgelaufen. Lassen Sie Ihren Agenten neu beginnen.',
  problemEnded:
    'Hier ist etwas schiefgegangen, und diese Anfrage ist beendet. Lassen Sie Ihren Agenten neu beginnen.',
  problemStopped:
    'Diese Anfrage wurde angehalten, weil dem Agenten oder der Person, für die er handelt, der Zugang entzogen wurde. Sie kann nicht mehr genehmigt werden.',
  problemNotYours:
    'Wer angemeldet ist, kann dies nicht genehmigen. Melden Sie sich als die Person an, die es betrifft, und öffnen Sie diese Seite noch einmal.',
  problemNotOpened:
    'Dieser Browser hat den Link noch nicht geöffnet. Öffnen Sie in diesem Browser den Link, den Ihr Agent Ihnen gegeben hat.',
  problemCookie:
    'Ihr Browser hat das Cookie dieser Seite nicht behalten und kann deshalb nicht wiedererkannt werden. Erlauben Sie Cookies und bitten Sie Ihren Agenten um einen neuen Link. Für den Betreiber dieser Seite: Über einfaches http behalten Browser es nur mit der Option interaction.insecureCookie.',
  problemProvider:
    'Der Server des Anbieters Ihres Agenten ist nicht zu erreichen. Öffnen Sie den Link in einer Minute noch einmal; er gilt weiterhin.',
  problemCallback:
    'Der Link würde auf eine Seite führen, die nicht zu Ihrem Agenten gehört. Bitten Sie Ihren Agenten um einen neuen.',
  problemCallbackLink:
    'Der Link würde auf eine Seite führen, die nicht zu Ihrem Personenserver gehört. Bitten Sie Ihren Agenten um einen neuen.',
  problemRefused: 'Ihr Konto wurde nicht verbunden.',
  problemLinking:
    'Eine andere Seite verbindet diese Person gerade mit einem Konto. Laden Sie diese Seite in ein paar Sekunden neu.',
  problemOutdated:
    'Diese Seite war veraltet, und nichts wurde entschieden. Gehen Sie zurück, laden Sie sie neu und entscheiden Sie noch einmal.',
  problemUndecided: 'Nichts wurde entschieden. Gehen Sie zurück und wählen Sie Zustimmen oder Ablehnen.',
  problemUnread:
    'Das Formular war nicht lesbar, und nichts wurde entschieden. Gehen Sie zurück und wählen Sie Zustimmen oder Ablehnen.',
  problemFailed:
    'Hier ist etwas schiefgegangen. Laden Sie diese Seite in einer Minute neu, um zu sehen, ob es entschieden wurde.',
}
