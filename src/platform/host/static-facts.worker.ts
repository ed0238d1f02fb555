import { parentPort } from 'node:worker_threads'
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
parentPort?.postMessage(facts)
