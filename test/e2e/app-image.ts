import type { ImageSpec, Lab } from '../lab/index.js'

/** What an application does once started. `crashing` exits with 7; `slow` answers after START_SECONDS (default 2). `wrong` is well, and answers 500. */
export type Behaviour = 'healthy' | 'unhealthy' | 'slow' | 'crashing' | 'wrong'

/** Images by reference: `{ 'shop/web:2': 'unhealthy' }`. */
export type AppImages = Readonly<Record<string, Behaviour>>

export const APP_PORT = 8080

// Process 1 ignores SIGTERM unless told otherwise, and a test has no ten seconds for each stop.
const SCRIPT = `#!/bin/sh
trap 'exit 0' TERM INT
echo "app: $BEHAVIOUR"
case "$BEHAVIOUR" in
  crashing) echo "app: no database" >&2; exit 7 ;;
  slow) { sleep "\${START_SECONDS:-2}"; echo ok >/www/healthz; } & ;;
  healthy) echo ok >/www/healthz ;;
  wrong)
    mkdir /www/cgi-bin; rm /www/index.html; echo ok >/www/healthz
    printf '#!/bin/sh\\nprintf "Status: 500 Wrong\\\\r\\\\n\\\\r\\\\nwrong"\\n' >/www/cgi-bin/index.cgi
    chmod 755 /www/cgi-bin/index.cgi ;;
esac
httpd -f -p ${APP_PORT} -h /www &
wait $!
`

/** Serves its own reference on port 8080, and /healthz while it is well. The variable BEHAVIOUR of a service wins over the image's. */
export function appImage(reference: string, behaviour: Behaviour): ImageSpec {
  return {
    files: { 'app.sh': { content: SCRIPT, mode: 0o755 }, 'www/index.html': { content: reference, mode: 0o644 } },
    env: { BEHAVIOUR: behaviour },
    cmd: ['/app.sh'],
  }
}

/** Makes the images and loads them into every engine of the lab. */
export async function loadApps(lab: Lab, images: AppImages): Promise<void> {
  for (const [reference, behaviour] of Object.entries(images)) {
    await lab.load(await lab.image(reference, appImage(reference, behaviour)))
  }
}

/** Makes the images and pushes them to the lab's open registry. Returns the reference to deploy, by the given one. */
export async function pushApps(lab: Lab, images: AppImages): Promise<ReadonlyMap<string, string>> {
  const pushed = new Map<string, string>()
  for (const [reference, behaviour] of Object.entries(images)) {
    const image = await lab.image(reference, appImage(reference, behaviour))
    pushed.set(reference, (await lab.registry.push(image)).reference)
  }
  return pushed
}
