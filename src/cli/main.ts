/** Entry of the binary; `argv` without the interpreter and the script. Returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.write(`${argv.join(' ')}\n`)
  return 0
}
