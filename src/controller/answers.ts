import type { Command } from './facts.js'

/** What a person is told whose command was taken. */
export function answerTo(command: Command): string {
  switch (command.kind) {
    case 'approve':
      return `revision ${command.sha.slice(0, 12)} is approved and will be rolled out`
    case 'retry':
      return `${command.stack} is tried again`
    case 'promote':
      return command.to === 'step'
        ? `${command.scope} goes on to its next step as soon as this one is reached`
        : `${command.scope} goes on to the end as soon as its replicas are healthy`
    case 'abort':
      return `the rollout of ${command.stack} is given up and taken back`
    case 'restart':
      return `${command.stack}/${command.service} is restarted, one batch after the other`
    case 'suspend':
      return `${command.scope === '*' ? 'the fleet' : command.scope} is suspended: it is watched and left as it is`
    case 'resume':
      return `${command.scope === '*' ? 'the fleet' : command.scope} is followed again`
    case 'drain':
      return `replicas leave ${command.server}; its volumes stay`
    case 'undrain':
      return `${command.server} takes replicas again; none is moved back by itself`
    case 'sync':
      return 'looking at Git and the servers now'
  }
}
