import { colorsFor, factSentence, formatEvidence } from '../src/cli/index.js'
import type { Colors, Io } from '../src/cli/index.js'
import type { Fact } from '../src/controller/index.js'

/** What people read while the demo runs. One line a happening, in the words of the command line. */
export interface Screen {
  readonly colors: Colors
  /** A chapter begins. */
  readonly title: (text: string) => void
  readonly say: (text?: string) => void
  /** What the controller wrote into its journal, with all that a failed replica left behind. */
  readonly tell: (facts: readonly Fact[]) => void
  readonly warn: (text: string) => void
}

/** They say how Slipway keeps its books, and nothing that somebody watching for the first time asks for. */
const UNTOLD: ReadonlySet<Fact['kind']> = new Set(['engine-pinned', 'image-pinned', 'rollout-delayed'])
const TITLE_WIDTH = 76

export function openScreen(io: Pick<Io, 'out' | 'env' | 'isTty' | 'columns'>): Screen {
  const colors = colorsFor(io)
  const say = (text = ''): void => io.out(`${text}\n`)
  return {
    colors,
    say,
    title: (text) => say(`\n${colors.bold(`── ${text} ${'─'.repeat(Math.max(3, TITLE_WIDTH - text.length))}`)}`),
    warn: (text) => say(`${colors.yellow('!')} ${text}`),
    tell: (facts) => {
      for (const fact of facts.filter(({ kind }) => !UNTOLD.has(kind))) {
        say(`${colors.dim(timeOf(fact.atMs))}  ${mark(fact, colors)} ${factSentence(fact)}`)
        if (fact.kind !== 'replica-failed' || fact.evidence === null) continue
        for (const line of formatEvidence(fact.evidence, { colors, columns: io.columns })) say(`    ${line}`)
      }
    },
  }
}

function timeOf(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8)
}

/** A sign before the sentence, for eyes that only skim. */
function mark({ kind }: Fact, colors: Colors): string {
  switch (kind) {
    case 'slot-proven':
    case 'job-finished':
    case 'rollout-completed':
    case 'stack-adopted':
    case 'replica-healed':
    case 'server-returned':
    case 'certificate-issued':
    case 'certificates-restored':
      return colors.green('✓')
    case 'replica-failed':
    case 'rollout-failed':
    case 'rollout-blocked':
    case 'revision-refused':
    case 'revision-held':
    case 'server-lost':
    case 'rival-seen':
    case 'certificate-failed':
      return colors.red('✗')
    case 'revision-accepted':
    case 'revision-released':
    case 'guard-released':
    case 'commanded':
    case 'engine-pinned':
    case 'server-retired':
    case 'stack-orphaned':
    case 'rollout-started':
    case 'rollout-prepared':
    case 'step-begun':
    case 'step-reached':
    case 'rollout-superseded':
    case 'rollout-delayed':
    case 'image-pinned':
    case 'stack-removed':
    case 'limits-updated':
      return colors.cyan('·')
  }
}
