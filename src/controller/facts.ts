import type { Action, Fleet, Problem, Revision } from '../model/index.js'
import type { RolloutFact } from '../rollout/index.js'
import type { Gate, Release } from './approvals.js'

/** Who may be told to do what, by a person. `by` is a login name, for the record. */
export type Command =
  /** `gate` is put there by the controller: what holds the revision when it is approved. */
  | { readonly kind: 'approve'; readonly sha: string; readonly gate?: Gate; readonly by: string }
  | { readonly kind: 'retry'; readonly stack: string; readonly by: string }
  /** Waits no longer at the step at work, or at none any more. Scope: `shop` a stack, `shop/web` a service. */
  | { readonly kind: 'promote'; readonly scope: string; readonly to: 'step' | 'end'; readonly by: string }
  /** Takes back what a rollout has done. */
  | { readonly kind: 'abort'; readonly stack: string; readonly by: string }
  | {
      readonly kind: 'restart'
      readonly stack: string
      readonly service: string
      readonly reason: string
      readonly by: string
    }
  /** Scope: `*` the fleet, `shop` a stack, `shop/web` a service. */
  | { readonly kind: 'suspend'; readonly scope: string; readonly reason: string; readonly by: string }
  | { readonly kind: 'resume'; readonly scope: string; readonly by: string }
  | { readonly kind: 'drain'; readonly server: string; readonly by: string }
  | { readonly kind: 'undrain'; readonly server: string; readonly by: string }
  /** Look at Git and the servers now. */
  | { readonly kind: 'sync'; readonly by: string }

/** What happened and was decided: the journal's rows, of which State is the fold. Times in ms since the epoch. */
export type Fact =
  | {
      readonly kind: 'revision-accepted'
      readonly atMs: number
      readonly revision: Revision
      /** Kept whole, so that a controller can start while Git is away. */
      readonly fleet: Fleet
      /** Stack hash by name; a stack that this revision has wrong keeps the hash it had. */
      readonly stacks: Readonly<Record<string, string>>
      readonly rewound: boolean
    }
  | { readonly kind: 'revision-held'; readonly atMs: number; readonly revision: Revision; readonly problem: Problem }
  | {
      readonly kind: 'revision-refused'
      readonly atMs: number
      readonly revision: Revision
      readonly problems: readonly Problem[]
    }
  | { readonly kind: 'revision-released'; readonly atMs: number }
  | ({ readonly kind: 'guard-released'; readonly atMs: number; readonly revision: Revision } & Release)
  | { readonly kind: 'commanded'; readonly atMs: number; readonly command: Command }
  | { readonly kind: 'engine-pinned'; readonly atMs: number; readonly server: string; readonly engineId: string }
  | { readonly kind: 'server-lost'; readonly atMs: number; readonly server: string }
  | { readonly kind: 'server-returned'; readonly atMs: number; readonly server: string }
  | { readonly kind: 'stack-orphaned'; readonly atMs: number; readonly stack: string; readonly revision: Revision }
  | { readonly kind: 'server-retired'; readonly atMs: number; readonly server: string }
  | {
      readonly kind: 'rival-seen'
      readonly atMs: number
      readonly server: string
      readonly controller: string
      readonly container: string
    }
  | {
      readonly kind: 'certificate-issued'
      readonly atMs: number
      readonly host: string
      readonly fromMs: number
      readonly untilMs: number
    }
  /** `untilMs`: when the one that it has ends; null: it has none. */
  | {
      readonly kind: 'certificate-failed'
      readonly atMs: number
      readonly host: string
      readonly problem: Problem
      readonly untilMs: number | null
    }
  /** Certificates that were lost here and read back from the proxies; hosts sorted. */
  | { readonly kind: 'certificates-restored'; readonly atMs: number; readonly hosts: readonly string[] }
  | RolloutFact

export type FactKind = Fact['kind']

/** An action about to be sent, on the disk before it goes. `opId` is unique and increasing. */
export interface Intent {
  readonly opId: number
  readonly atMs: number
  readonly action: Action
}

/** `unknown`: sent, and nobody knows whether it happened; settled only by looking. */
export interface Outcome {
  readonly opId: number
  readonly atMs: number
  readonly result: 'done' | 'failed' | 'unknown' | 'observed'
  readonly problem: Problem | null
}
