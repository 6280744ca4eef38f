import { describe, expect, it } from 'vitest'
import { readSshConfig } from '../../src/cli/ssh-config.js'

const config = readSshConfig(
  `# mine
IdentityFile ~/.ssh/everywhere
Host lon-1 lon-2
  HostName %h.example.com
  IdentityFile=~/.ssh/fleet
  HostName second.example.com
Host *.internal !bad.internal
  IdentityFile inside
Host box.internal bad.internal
  IdentityAgent "~/agent.sock"
Match exec "rm -rf /"
  HostName evil
Host *
  IdentityFile /etc/shared
`,
  '/home/ann',
)

describe('~/.ssh/config', () => {
  it('gives hosts their address, first value first', () => {
    expect(config.hosts['lon-1']?.hostName).toBe('lon-1.example.com')
  })

  it('adds key files up, in order', () => {
    expect(config.hosts['lon-2']?.identityFiles).toEqual([
      '/home/ann/.ssh/everywhere',
      '/home/ann/.ssh/fleet',
      '/etc/shared',
    ])
    expect(config.general.identityFiles).toEqual(['/home/ann/.ssh/everywhere', '/etc/shared'])
  })

  it('honours patterns and their exceptions', () => {
    expect(config.hosts['box.internal']?.identityFiles).toContain('/home/ann/.ssh/inside')
    expect(config.hosts['bad.internal']?.identityFiles).not.toContain('/home/ann/.ssh/inside')
    expect(config.hosts['box.internal']?.identityAgent).toBe('/home/ann/agent.sock')
  })

  it('never runs what a Match block asks for', () => {
    expect(JSON.stringify(config)).not.toContain('evil')
  })
})
