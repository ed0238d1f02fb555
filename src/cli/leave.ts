/**
 * Ends this process with 0 although one of its threads is stuck in the kernel. Node joins its worker threads at
 * every ordinary end, which would wait for ever; execve(2) kills them and makes this process another one, whose
 * only work is to end. Everything is closed by now.
 */
export function leave(): void {
  process.execve?.(process.execPath, [process.execPath, '--eval', ''], {})
}
