/** How the repository is reached over http(s). */
export interface GitHttpSettings {
  readonly headers: Readonly<Record<string, string>>
  readonly ca: string | null
  readonly proxy: string | null
}

interface GitHttpValues {
  readonly repo: string | null
  readonly gitHeader: string | null
  readonly gitCa: string | null
  readonly gitProxy: string | null
}

type Environment = Readonly<Record<string, string | undefined>>

/** Never repeats a value in a problem: each of them can hold a secret. */
export function readGitHttp(values: GitHttpValues, env: Environment, problems: string[]): GitHttpSettings {
  return {
    headers: readHeaders(values.gitHeader, problems),
    ca: readCa(values.gitCa, problems),
    proxy:
      values.gitProxy !== null
        ? readProxy(values.gitProxy, 'SLIPWAY_GIT_PROXY', problems)
        : usualProxy(values.repo, env, problems),
  }
}

function readHeaders(text: string | null, problems: string[]): Readonly<Record<string, string>> {
  const lines = (text ?? '').split(/\r?\n/).filter((line) => line.trim() !== '')
  const pairs = lines.map((line) => /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\t\x20-\x7e]+)$/.exec(line))
  if (pairs.includes(null)) problems.push('SLIPWAY_GIT_HEADER is not Name: value, one a line, in plain ASCII')
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? '', pair[2]?.trim() ?? '']])))
}

function readCa(pem: string | null, problems: string[]): string | null {
  if (pem === null || pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  problems.push(
    'SLIPWAY_GIT_CA has no certificate in PEM form (-----BEGIN CERTIFICATE-----); a file is named by SLIPWAY_GIT_CA_FILE',
  )
  return null
}

function readProxy(text: string, variable: string, problems: string[]): string | null {
  // curl and git take a bare host:port for an http proxy.
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url
  problems.push(`${variable} is not the address of an http proxy, such as http://proxy.example.com:3128`)
  return null
}

/** What curl and git read: HTTPS_PROXY or HTTP_PROXY by the repository's scheme, but for hosts that NO_PROXY names and this machine. */
function usualProxy(repo: string | null, env: Environment, problems: string[]): string | null {
  if (repo === null || !/^https?:/i.test(repo) || !URL.canParse(repo)) return null
  const { hostname, port, protocol } = new URL(repo)
  if (isExcepted(hostname, port, env.NO_PROXY ?? env.no_proxy ?? '')) return null
  // HTTP_PROXY in capitals can be set by a header of a request to a CGI program, so nobody reads it.
  const names = protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['http_proxy']
  const name = [...names, 'ALL_PROXY', 'all_proxy'].find((one) => (env[one] ?? '') !== '')
  return name === undefined ? null : readProxy(env[name] ?? '', name, problems)
}

function isExcepted(hostname: string, port: string, list: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)) return true
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, name = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
      if (only !== undefined && only !== (port || '443')) return false
      return entry === '*' || hostname === name || (name !== '' && hostname.endsWith(`.${name}`))
    })
}
