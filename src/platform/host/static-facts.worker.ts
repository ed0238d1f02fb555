// Runs in a process of its own, so that what the library needs is given back when it ends.
import { cpu, mem, osInfo, system } from 'systeminformation'
import { cleanText } from '../text.ts'
import type { StaticFacts } from './static-facts.ts'

const [operatingSystem, processor, memory, machine] = await Promise.all([osInfo(), cpu(), mem(), system()])
const facts: StaticFacts = {
  distribution: cleanText(`${operatingSystem.distro} ${operatingSystem.release}`.trim()),
  kernel: cleanText(operatingSystem.kernel),
  architecture: cleanText(operatingSystem.arch),
  cpuModel: cleanText(`${processor.manufacturer} ${processor.brand}`.trim()),
  cpuCores: processor.cores,
  memoryTotalBytes: memory.total,
  virtual: machine.virtual,
}
process.send?.(facts)
