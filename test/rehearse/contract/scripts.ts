/**
 * A script is calls in short form, in order: `create a steady; start a; stop a 9 & stop a 9`. Names are made unique for each
 * script when it is played; `&` sends calls at the same time.
 */
export interface Script {
  readonly title: string
  readonly text: string
}

const RECORDED: Readonly<Record<string, string>> = {
  'a container that is created, started, stopped and removed': 'create a steady; start a; stop a; rm a',
  'a second start': 'create a steady; start a; start a',
  'a start after a stop': 'create a steady; start a; stop a 9; start a; kill a',
  'a stop of what never ran': 'create a steady; stop a',
  'a second stop': 'create a steady; start a; stop a; stop a',
  'a stop that is obeyed': 'create a steady; start a; stop a 9',
  'a stop that is not obeyed': 'create a stubborn; start a; stop a 1',
  'a stop without patience': 'create a stubborn; start a; stop a 0',
  'a stop by SIGKILL': 'create a steady signal=SIGKILL; start a; stop a 9',
  'a stop timeout of its own': 'create a stubborn timeout=1; start a; stop a',
  'a kill': 'create a steady; start a; kill a',
  'a kill of what never ran': 'create a steady; kill a',
  'a kill of what has ended': 'create a quits; start a; await a exited; kill a',
  'a gentle kill that is obeyed': 'create a steady; start a; kill a SIGTERM; await a exited',
  'a gentle kill that is not': 'create a stubborn; start a; kill a SIGTERM; stop a 0',
  'a signal that nobody knows': 'create a steady; start a; kill a SIGNONSENSE',
  'a signal by number': 'create a steady; start a; kill a 9',
  'a signal that is no end': 'create a steady signal=SIGTERM; start a; kill a SIGUSR2; stop a',
  'a restart': 'create a steady; start a; restart a 5',
  'a restart of what never ran': 'create a steady; restart a',
  'a restart of what was stopped': 'create a steady; start a; stop a 9; restart a 9',
  'a restart that must kill': 'create a stubborn; start a; restart a 0',
  'a removal of what runs': 'create a steady; start a; rm a',
  'a removal by force': 'create a steady; start a; rm a force',
  'a removal of what never ran': 'create a steady; rm a',
  'a second removal': 'create a steady; rm a; rm a',
  'calls on what is not there':
    'start a; stop a; kill a; restart a; rm a; inspect a; exec a; pause a; rename a b; update a',
  'a pause': 'create a steady; start a; pause a; unpause a; stop a',
  'a second pause': 'create a steady; start a; pause a; pause a',
  'a pause of what never ran': 'create a steady; pause a',
  'an end of a pause that is none': 'create a steady; start a; unpause a',
  'a start of what is paused': 'create a steady; start a; pause a; start a',
  'a removal of what is paused': 'create a steady; start a; pause a; rm a; rm a force',
  'a kill of what is paused': 'create a steady; start a; pause a; kill a',
  'a stop of what is paused': 'create a stubborn; start a; pause a; stop a 1',
  'a gentle stop of what is paused': 'create a steady; start a; pause a; stop a 9',
  'a restart on a network that is not there': 'create a steady net=n; restart a 9',
  'an exec in what is paused': 'create a steady; start a; pause a; exec a',
  'the same name twice': 'create a steady; create a steady',
  'a name that is free again': 'create a steady; rm a; create a steady',
  'a name that is renamed away': 'create a steady; rename a b; create a steady',
  'a rename to a name in use': 'create a steady; create b steady; rename a b',
  'a rename to the same name': 'create a steady; rename a a',
  'a rename of what runs': 'create a steady; start a; rename a b; stop b 9',
  'a name that is none': 'create -a steady',
  'an image that is not there': 'create a missing',
  'an end by itself': 'create a quits; start a; await a exited; start a; await a exited',
  'an end with an error': 'create a fails; start a; await a exited',
  'a program that is not there': 'create a steady cmd=/nowhere; start a',
  'a program that is not there, always restarted': 'create a steady cmd=/nowhere restart=always; start a; rm a',
  'a policy that always restarts': 'create a fails restart=always; start a; await a restarts6; stop a 9',
  'a policy that restarts what ended well':
    'create a quits restart=always; start a; await a restarts6; kill a; await a exited',
  'a policy that restarts unless stopped':
    'create a fails restart=unless-stopped; start a; await a restarts6; stop a 9',
  'a policy that restarts a failure twice': 'create a fails restart=on-failure:2; start a; await a exited',
  'a policy that restarts no success': 'create a quits restart=on-failure:2; start a; await a exited',
  'a stop under a policy':
    'create a steady restart=always; start a; stop a 9; await a exited; start a; kill a; await a exited',
  'a start counts restarts anew':
    'create a fails restart=on-failure:1; start a; await a exited; start a; await a exited',
  'a removal while it waits to restart': 'create a fails restart=always; start a; await a restarts6; rm a force',
  'a healthcheck that is well': 'create a steady health=well interval=300; start a; await a healthy; stop a 9',
  'a healthcheck that is ill': 'create a steady health=ill interval=200 retries=2; start a; await a unhealthy',
  'a healthcheck that is ill, with the usual retries':
    'create a steady health=ill interval=150; start a; await a unhealthy',
  'a healthcheck that hangs':
    'create a steady health=hangs interval=200 timeout=300 retries=1; start a; await a unhealthy',
  'a healthcheck that gets well':
    'create a heals health=marked interval=300 retries=1; start a; await a unhealthy; await a healthy',
  'a healthcheck in its start period':
    'create a heals health=marked interval=300 retries=1 period=600000; start a; await a healthy',
  'a healthcheck that is switched off': 'create a steady health=none; start a',
  'a healthcheck that is too quick': 'create a steady health=well interval=0.5; start a',
  'health after a restart': 'create a steady health=well interval=2000; start a; restart a 9; await a healthy',
  'health of what has ended':
    'create a steady health=well interval=300; start a; await a healthy; kill a; start a; await a healthy',
  'health of what was never started': 'create a steady health=well interval=300',
  'health of what is restarted by policy': 'create a fails health=well restart=on-failure:1; start a; await a exited',
  'an exec that is well': 'create a steady health=well interval=60000; start a; exec a',
  'an exec that is ill': 'create a steady health=ill interval=60000; start a; exec a ill',
  'an exec in what has ended': 'create a quits health=well; start a; await a exited; exec a',
  'a published port': 'create a steady port=1; start a; stop a 9',
  'a port that another one has': 'create a steady port=1; create b steady port=1; start a; start b; stop a 9; start b',
  'a port that is free again': 'create a steady port=1; start a; rm a force; create b steady port=1; start b',
  'a port for udp beside one for tcp': 'create a steady port=1; create b steady port=1/udp; start a; start b',
  'a port of one address': 'create a steady port=1@127.0.0.1; create b steady port=1; start a; start b',
  'a network': 'network n; network n; create a steady net=n; start a; unnetwork n; stop a 9; unnetwork n',
  'a network that is not there': 'create a steady net=n; start a; network n; start a',
  'a network that goes before the start': 'network n; create a steady net=n; unnetwork n; start a',
  'two networks, the second one later':
    'network n; network m; create a steady net=n; connect m a; connect m a; start a; stop a 9',
  'a network joined while it runs': 'network n; create a steady; start a; connect n a; stop a 9',
  'networks that nobody has': 'unnetwork n; connect n a; seenetwork n',
  'a network that is looked at': 'network n; seenetwork n; create a steady net=n; start a; seenetwork n',
  'a network of the engine': 'unnetwork =bridge; seenetwork =bridge',
  'the network of the host': 'create a steady net==host; start a; stop a 9',
  'no network at all': 'create a steady net==none; start a; stop a 9',
  'a volume': 'volume v; volume v; seevolume v; create a steady vol=v; start a; stop a 9; rm a; seevolume v',
  'a volume of shipped files that goes once no container has it':
    'unvolume copy-00c0ffee-files-1; volume copy-00c0ffee-files-1; create a steady vol=copy-00c0ffee-files-1; unvolume copy-00c0ffee-files-1; start a; unvolume copy-00c0ffee-files-1; stop a 9; unvolume copy-00c0ffee-files-1; rm a; unvolume copy-00c0ffee-files-1; seevolume copy-00c0ffee-files-1',
  'a volume that comes with its container': 'seevolume v; create a steady vol=v; seevolume v; start a; kill a',
  'a volume that two share': 'create a steady vol=v; create b steady vol=v; start a; start b; stop a 9',
  'new limits': 'create a steady memory=50; update a 60; start a; update a 70',
  'too little memory': 'create a steady memory=1',
  'a need below the limit':
    'create a hungry memory=200 health=marked interval=200 period=600000; start a; await a healthy; stop a 9',
  'a need above the limit': 'create a hungry memory=20; start a; await a exited; start a; await a exited',
  'a need above the limit, under a policy': 'create a hungry memory=20 restart=on-failure:1; start a; await a exited',
  'a limit that falls below what is used':
    'create a hungry memory=200 health=marked interval=200 period=600000; start a; await a healthy; update a 20; await a exited',
  files: 'create a steady; files a; start a; files a',
  'files in a root that is read-only': 'create a steady readonly=1; files a',
  'an image that is looked at': 'seeimage steady; seeimage missing; tag steady copy; seeimage copy; tag missing copy',
  'two creations at once': 'create a steady & create a steady',
  'two removals at once': 'create a steady; rm a & rm a',
  'two forced removals at once': 'create a steady; start a; rm a force & rm a force',
  'two stops at once': 'create a slow; start a; stop a 9 & stop a 9',
  'two networks of one name at once': 'network n & network n',
  'a network that is there twice, where the engine lets it':
    'network n & network n; seenetwork n; create a steady net=n; start a; unnetwork n; connect n a',
  'two volumes of one name at once': 'volume v & volume v',
  'many starts at once': 'create a steady; create b steady; create c steady; start a & start b & start c',
  'many ends at once': 'create a steady; create b steady; start a; start b; stop a 9 & rm b force',
}

export const SCRIPTS: readonly Script[] = Object.entries(RECORDED).map(([title, text]) => ({ title, text }))
