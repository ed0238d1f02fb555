/** Stalls of one resource since boot (pressure stall information), in seconds. */
export interface Pressure {
  /** At least one task waited (`some`). */
  readonly waitingSeconds: number | undefined
  /** All runnable tasks waited at once (`full`); the kernel keeps it at 0 for the CPU of a whole host. */
  readonly stalledSeconds: number | undefined
}

export interface FilesystemSpace {
  readonly mountpoint: string
  readonly sizeBytes: number
  /** What an ordinary user may still write. */
  readonly availableBytes: number
}

export interface NetworkDevice {
  readonly device: string
  readonly receiveBytes: number
  readonly transmitBytes: number
}

/** The numbers of the host. `undefined` = not read; an empty list = nothing of that kind. */
export interface HostSample {
  readonly memoryTotalBytes: number | undefined
  readonly memoryAvailableBytes: number | undefined
  readonly swapTotalBytes: number | undefined
  readonly swapFreeBytes: number | undefined
  readonly load1: number | undefined
  readonly cpuCores: number | undefined
  readonly oomKills: number | undefined
  readonly cpuPressure: Pressure | undefined
  readonly memoryPressure: Pressure | undefined
  readonly ioPressure: Pressure | undefined
  readonly filesystems: readonly FilesystemSpace[]
  readonly networkDevices: readonly NetworkDevice[]
}
