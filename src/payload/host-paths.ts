import { posix } from 'node:path'

/** Where engines listen. Whoever may speak to one is root on the server. */
const SOCKETS = [
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/podman/podman.sock',
  '/run/crio/crio.sock',
]

/** The server's own system: what is in it makes root, or is root's. */
const SYSTEM = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib32',
  '/lib64',
  '/proc',
  '/root',
  '/run',
  '/sbin',
  '/sys',
  '/usr',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
  '/var/spool/cron',
]

/** Read by many images, and no secret. */
const HARMLESS_TO_READ = [
  '/etc/ca-certificates',
  '/etc/hostname',
  '/etc/letsencrypt',
  '/etc/localtime',
  '/etc/machine-id',
  '/etc/pki',
  '/etc/resolv.conf',
  '/etc/ssl/certs',
  '/etc/timezone',
  '/lib/modules',
  '/run/udev',
  '/usr/share',
]

const HARMLESS_DEVICE =
  /^\/dev\/(?:bus\/usb|dri|fuse|input|kfd|kvm|net\/tun|null|nvidia|random|rtc|serial|shm|snd|tty(?:ACM|AMA|S|USB)|urandom|vhci|video|zero)[^/]*(?:\/|$)/

export function isSocket(path: string): boolean {
  const clean = cleaned(path)
  return SOCKETS.includes(clean) || /\/(?:docker|podman|containerd)\.sock$/.test(clean)
}

/** Whether an engine's socket can be reached through this folder. */
export function holdsSocket(path: string): boolean {
  return SOCKETS.some((socket) => isInside(socket, cleaned(path)))
}

/** Whether the path is, holds, or lies in a part of the server's own system. A person's whole home, and keys of SSH, are one. */
export function isSystemPath(path: string, readOnly: boolean): boolean {
  const clean = cleaned(path)
  if (isHarmlessDevice(clean)) return false
  if (readOnly && HARMLESS_TO_READ.some((harmless) => isInside(clean, harmless))) return false
  if (/^\/home(?:\/[^/]*)?$/.test(clean) || clean.split('/').includes('.ssh')) return true
  return SYSTEM.some((system) => isInside(clean, system) || isInside(system, clean))
}

export function isHarmlessDevice(path: string): boolean {
  return HARMLESS_DEVICE.test(cleaned(path))
}

function cleaned(path: string): string {
  return posix
    .resolve('/', path)
    .replace(/^\/var\/run(?=\/|$)/, '/run')
    .replace(/^\/var\/lock(?=\/|$)/, '/run/lock')
}

function isInside(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`)
}
