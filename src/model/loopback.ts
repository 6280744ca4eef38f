/** Whether a host, as `URL` has it, is this machine by its very name: nothing that is sent there is on a network. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
