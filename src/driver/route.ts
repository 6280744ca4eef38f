import type { Duplex } from 'node:stream'
import type { Result } from '../model/index.js'

/** Why a TCP connection from the server to a container did not come about. */
export type TcpFailure =
  /** The container's address was asked and said no. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Nobody could ask it. */
  | { readonly kind: 'no-way'; readonly message: string }

export interface DiskSpace {
  readonly freeBytes: number
  readonly totalBytes: number
}

/** The way to one server: byte streams to its engine and to its containers. */
export interface Route {
  /** Problems: SERVER_UNREACHABLE, SERVER_AUTH, HOST_KEY_*, ENGINE_UNREACHABLE. Whatever fails here was not sent. */
  openEngine(): Promise<Result<Duplex>>
  openTcp(host: string, port: number): Promise<Result<Duplex, TcpFailure>>
  /** A socket of the server's file system; the problem is why it cannot be reached. */
  openSocket(path: string): Promise<Result<Duplex, string>>
  /** What is left on the file system of a path of the server; the problem is why nobody can say. */
  diskOf(path: string): Promise<Result<DiskSpace, string>>
  /** The group of the engine's socket: whoever may use the engine is in it. The problem is why nobody can say. */
  engineGroup(): Promise<Result<number, string>>
  /** True when each stream to the engine takes one of few exec channels. */
  isNarrow(): boolean
  /** Called when what was open is lost, not when it is closed by us. */
  onLost(listener: () => void): void
  close(): Promise<void>
}
