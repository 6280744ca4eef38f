import type { ForgeKind } from '../forge/index.js'

/** Where proposals stand in Git, by forge; `*` is their number. */
const PROPOSAL_PATTERNS: Readonly<Record<ForgeKind, readonly string[]>> = Object.freeze({
  github: ['refs/pull/*/head'],
  gitlab: ['refs/merge-requests/*/head'],
  gitea: ['refs/pull/*/head'],
  webhook: ['refs/pull/*/head', 'refs/merge-requests/*/head'],
})

export interface ForgeSettings {
  readonly kind: ForgeKind
  readonly url: string | null
  readonly project: string | null
  readonly token: string
  /** Refs with one `*`; empty: no proposal is planned. */
  readonly proposals: readonly string[]
}

interface Values {
  readonly forge: string | null
  readonly forgeUrl: string | null
  readonly forgeProject: string | null
  readonly forgeToken: string | null
  readonly proposals: string | null
}

/** Null where no forge is set; what is wrong is added to `problems`. */
export function readForge(
  { forge, forgeUrl, forgeProject, forgeToken, proposals }: Values,
  problems: string[],
): ForgeSettings | null {
  if (forge === null) {
    if (forgeToken !== null || forgeUrl !== null)
      problems.push('SLIPWAY_FORGE is not set: say github, gitlab, gitea or webhook')
    return null
  }
  if (!Object.hasOwn(PROPOSAL_PATTERNS, forge)) {
    problems.push(`--forge (SLIPWAY_FORGE) is github, gitlab, gitea or webhook, not ${JSON.stringify(forge)}`)
    return null
  }
  const kind = forge as ForgeKind
  if (forgeToken === null) problems.push('SLIPWAY_FORGE is set without SLIPWAY_FORGE_TOKEN')
  if (kind === 'webhook' && forgeUrl === null) problems.push('SLIPWAY_FORGE=webhook needs SLIPWAY_FORGE_URL')
  const patterns = readPatterns(kind, proposals, problems)
  return { kind, url: forgeUrl, project: forgeProject, token: forgeToken ?? '', proposals: patterns }
}

function readPatterns(kind: ForgeKind, text: string | null, problems: string[]): readonly string[] {
  if (text === null) return PROPOSAL_PATTERNS[kind]
  if (text === 'none') return []
  const patterns = text.split(',').map((part) => part.trim())
  const wrong = patterns.find((pattern) => !/^refs\/[\w./-]+\*[\w./-]*$/.test(pattern))
  if (wrong !== undefined)
    problems.push(`--proposals (SLIPWAY_PROPOSALS) are refs such as refs/pull/*/head, not ${JSON.stringify(wrong)}`)
  return patterns
}
