/**
 * Online processors by the `cpu<n>` lines of `/proc/stat` (proc_stat(5)). Node's own count is what *this* process
 * may use: its affinity, and in a container the CPU limit of the container.
 */
export function parseCpuCores(text: string): number | undefined {
  const count = text.match(/^cpu\d+ /gm)?.length
  return count === 0 ? undefined : count
}
