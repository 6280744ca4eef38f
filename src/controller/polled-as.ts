import type { Source } from './ports.js'

/** A source whose ref names what `poll` says. Who opened it closes it. */
export function polledAs(source: Source, poll: Source['poll']): Source {
  return {
    poll,
    revision: (sha, signal) => source.revision(sha, signal),
    tree: (sha, signal) => source.tree(sha, signal),
    read: (oids, signal) => source.read(oids, signal),
    isAncestor: (ancestor, descendant, signal) => source.isAncestor(ancestor, descendant, signal),
    news: (question, signal) => source.news(question, signal),
    close: () => Promise.resolve(),
  }
}
